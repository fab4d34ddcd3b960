import { expect, test } from '@jest/globals'
import { mistakeIn, parseEnvelope } from '../../../dispatcher/deliver/cloud-event.ts'

const EVENT = { specversion: '1.0', id: '1', source: '/s', type: 't' }
const envelope = (change: object) => parseEnvelope(Buffer.from(JSON.stringify({ ...EVENT, ...change })))

test.each(['2026-01-31T12:00:00Z', '2026-01-31t12:00:60.5+05:30'])('%s is a time', (time) => {
  expect(mistakeIn({ ...EVENT, time })).toBeUndefined()
})

test.each(['2026-13-01T12:00:00Z', '2026-01-31T24:00:00Z', '2026-01-31T12:00:00+25:00', 'now'])(
  '%s is none',
  (time) => {
    expect(mistakeIn({ ...EVENT, time })).toBe(`expected time to be such as 2026-01-31T12:00:00Z, got "${time}"`)
  },
)

test('an attribute with the name of the data is none', () => {
  expect(mistakeIn({ ...EVENT, data: 'x' })).toContain('got "data"')
})

test('data_base64 is base64, padded or not', () => {
  expect(envelope({ data_base64: 'aGk' }).bytes).toEqual(Buffer.from('hi'))
  expect(() => envelope({ data_base64: '{"a":1}' })).toThrow('expected data_base64 to be base64, got other text')
})
