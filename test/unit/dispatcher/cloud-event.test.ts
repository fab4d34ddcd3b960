import { expect, test } from '@jest/globals'
import { CloudEvent } from 'cloudevents'
import fc from 'fast-check'
import { mistakeIn, parseEnvelope } from '../../../dispatcher/deliver/cloud-event.ts'

const EVENT = { specversion: '1.0', id: '1', source: '/s', type: 't' }
const envelope = (change: object) => parseEnvelope(Buffer.from(JSON.stringify({ ...EVENT, ...change })))

test.each([
  '2026-01-31T12:00:00Z',
  '2024-02-29T00:00:00Z',
  '2000-02-29T00:00:00Z',
  '0000-02-29T00:00:00Z',
  '2026-01-31t12:00:60.5+05:30',
])('%s is a time', (time) => {
  expect(mistakeIn({ ...EVENT, time })).toBeUndefined()
})

test.each([
  '2026-13-01T12:00:00Z',
  '2026-01-31T24:00:00Z',
  '2026-01-31T12:00:00+25:00',
  '2026-02-30T00:00:00Z',
  '2026-02-29T00:00:00Z',
  '2100-02-29T00:00:00Z',
  '2026-04-31T00:00:00Z',
  'now',
])('%s is none', (time) => {
  expect(mistakeIn({ ...EVENT, time })).toBe(`expected time to be such as 2026-01-31T12:00:00Z, got "${time}"`)
})

test('every day is a day to us that is one to the CloudEvents SDK, and no other', () => {
  const pad = (value: number, length: number) => String(value).padStart(length, '0')
  const part = fc.tuple(
    fc.integer({ min: 1, max: 9_999 }),
    fc.integer({ min: 1, max: 12 }),
    fc.integer({ min: 1, max: 31 }),
  )
  fc.assert(
    fc.property(part, ([year, month, day]) => {
      const time = `${pad(year, 4)}-${pad(month, 2)}-${pad(day, 2)}T00:00:00Z`
      const sdk = () => new CloudEvent({ id: '1', source: '/s', type: 't', time })
      if (mistakeIn({ ...EVENT, time }) === undefined) expect(sdk).not.toThrow()
      else expect(sdk).toThrow()
    }),
  )
})

test('an attribute with the name of the data is none', () => {
  expect(mistakeIn({ ...EVENT, data: 'x' })).toContain('got "data"')
})

test('data_base64 is base64, padded or not', () => {
  expect(envelope({ data_base64: 'aGk' }).bytes).toEqual(Buffer.from('hi'))
  expect(() => envelope({ data_base64: '{"a":1}' })).toThrow('expected data_base64 to be base64, got other text')
})
