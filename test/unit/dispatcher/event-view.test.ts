import { describe, expect, test } from '@jest/globals'
import { CloudEvent, Kafka } from 'cloudevents'
import { contentTypeOf, viewOf, type EventView } from '../../../dispatcher/deliver/event-view.ts'
import { delivery, type RecordTexts } from '../../builders/delivery.ts'

function view(part: RecordTexts, rest = {}): EventView {
  const result = viewOf(delivery(part, rest))
  if (result.kind === 'malformed') throw new Error(result.message)
  return result.view
}

function mistake(part: RecordTexts): string | undefined {
  const result = viewOf(delivery(part))
  return result.kind === 'malformed' ? result.message : undefined
}

const EVENT = { specversion: '1.0', id: 'e1', source: '/shop', type: 'order.placed' }
const BINARY = { ce_specversion: '1.0', ce_id: 'e1', ce_source: '/shop', ce_type: 'order.placed' }
const structured = (event: object) => ({
  headers: { 'content-type': 'application/cloudevents+json; charset=utf-8' },
  value: JSON.stringify(event),
})

test('half a surrogate pair, which no header can carry, is a mistake of its event and named', () => {
  expect(mistake(structured({ ...EVENT, subject: '\ud800' }))).toContain(
    'expected subject to be Unicode text, got half a surrogate pair in "\\ud800"',
  )
  expect(mistake(structured({ ...EVENT, subject: '\ud83d\ude00' }))).toBeUndefined()
})

describe('a plain record', () => {
  test('is taken for a CloudEvent named after its delivery, its topic, its key and its time', () => {
    expect(view({ key: 'order-1' }).attributes).toEqual({
      specversion: '1.0',
      id: 'orders-0-7.11112222',
      source: '/topics/orders',
      type: 'dev.dormouse.record',
      subject: 'order-1',
      time: '2026-01-31T12:00:00.000Z',
    })
  })

  test('looks the same when it is read from a retry tier', () => {
    const first = delivery({})
    const later = delivery(
      { topic: 'dormouse.default.x.retry.1000', offset: 99, timestampMs: 5 },
      { deliveryId: first.deliveryId, origin: first.origin },
    )
    const attributesOf = (of: typeof first) => {
      const result = viewOf(of)
      return result.kind === 'event' ? result.view.attributes : undefined
    }
    expect(attributesOf(later)).toEqual(attributesOf(first))
  })

  test('has no subject when its key is not text, and a time even when its producer wrote nonsense', () => {
    expect(view({ key: Buffer.from([0xff, 0x00]) }).attributes).not.toHaveProperty('subject')
    const nonsense = view({}, { origin: { topic: 't', partition: 0, offset: 0, timestampMs: 1e20 } })
    expect(nonsense.attributes['time']).toBe('1970-01-01T00:00:00.000Z')
  })

  test.each([
    ['{"a":1}', {}, 'application/json'],
    ['hello', {}, 'text/plain; charset=utf-8'],
    [Buffer.from([0xff, 0xfe, 0x00]), {}, 'application/octet-stream'],
    ['{"a":1}', { 'content-type': 'application/vnd.shop+json' }, 'application/vnd.shop+json'],
    [null, {}, undefined],
    ['', {}, undefined],
    ['', { 'content-type': 'text/plain' }, 'text/plain'],
    ['', BINARY, undefined],
  ])('%p with headers %p has the content type %p', (value, headers, want) => {
    expect(contentTypeOf(view({ value, headers }))).toBe(want)
  })

  test('that is compressed is malformed, whatever its codec: nobody here can read it', () => {
    expect(mistake({ headers: { 'content-encoding': 'zstd' } })).toBe(
      'expected a record without content-encoding, got zstd',
    )
    expect(mistake({ headers: { 'content-encoding': 'identity' } })).toBeUndefined()
  })
})

describe('a CloudEvent', () => {
  test('in binary mode keeps its attributes', () => {
    const { mode, attributes } = view({ headers: { ...BINARY, ce_tenant: 'Zoë', other: 'x' } })
    expect(mode).toBe('binary')
    expect(attributes).toEqual({ ...EVENT, tenant: 'Zoë' })
  })

  test('in structured mode keeps its attributes, as text, and leaves out those that are null', () => {
    const { mode, attributes, envelope } = view(
      structured({ ...EVENT, count: 3, urgent: true, subject: null, data: [1] }),
    )
    expect(mode).toBe('structured')
    expect(attributes).toEqual({ ...EVENT, count: '3', urgent: 'true' })
    expect(envelope?.data).toEqual([1])
  })

  test('with bytes has them decoded', () => {
    const { envelope } = view(structured({ ...EVENT, data_base64: 'AAEC' }))
    expect(envelope?.bytes).toEqual(Buffer.from([0, 1, 2]))
  })

  test.each<[string, RecordTexts]>([
    ['specversion', { headers: { ...BINARY, ce_specversion: '0.3' } }],
    ['id', { headers: { ...BINARY, ce_id: '' } }],
    ['type', structured({ ...EVENT, type: undefined })],
    ['source', structured({ ...EVENT, source: 5 })],
    ['time', { headers: { ...BINARY, ce_time: 'yesterday' } }],
    ['lower-case', { headers: { ...BINARY, ce_Tenant: 'x' } }],
    ['lower-case', structured({ ...EVENT, 'a-b': 'x' })],
    ['extra', structured({ ...EVENT, extra: { nested: true } })],
    ['both', structured({ ...EVENT, data: 1, data_base64: 'AA==' })],
    ['data_base64', structured({ ...EVENT, data_base64: 7 })],
    ['JSON', { ...structured(EVENT), value: '{"specversion":' }],
    ['object', { ...structured(EVENT), value: '[1]' }],
    ['JSON', { ...structured(EVENT), value: null }],
    ['batch', { headers: { 'content-type': 'application/cloudevents-batch+json' }, value: '[]' }],
  ])('that is wrong in %s is malformed, in one sentence that names it', (word, part) => {
    expect(mistake(part)).toContain(word)
  })
})

describe('held to the CloudEvents SDK', () => {
  const event = new CloudEvent({
    ...{ id: 'e-1', source: '/shop', type: 'order.placed', subject: 'Grüße', time: '2026-01-31T12:00:00.000Z' },
    ...{ datacontenttype: 'application/json', tenant: 'a b%c"d', data: { total: 42, note: 'für' } },
  })
  const texts = (of: ReturnType<typeof Kafka.binary>) => ({
    headers: JSON.parse(JSON.stringify(of.headers)) as Record<string, string>,
    value: typeof of.value === 'string' ? of.value : JSON.stringify(of.value),
  })

  test.each([
    ['binary', texts(Kafka.binary(event))],
    ['structured', texts(Kafka.structured(event))],
  ])('what it writes in %s mode has the attributes it had', (mode, record) => {
    const { attributes, mode: seen } = view(record)
    expect(seen).toBe(mode)
    const { data, ...want } = JSON.parse(JSON.stringify(event)) as Record<string, unknown>
    expect({ ...attributes, datacontenttype: 'application/json' }).toEqual(want)
  })
})
