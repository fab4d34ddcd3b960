import { describe, expect, test } from '@jest/globals'
import { viewOf } from '../../../dispatcher/deliver/event-view.ts'
import { passes, type Filter } from '../../../dispatcher/deliver/filters.ts'
import type { Delivery } from '../../../events/delivery.ts'
import { delivery, type RecordTexts } from '../../builders/delivery.ts'

function accepts(filters: readonly Filter[], part: RecordTexts, rest?: Partial<Delivery>): boolean {
  const of = delivery(part, rest)
  const result = viewOf(of)
  if (result.kind === 'malformed') throw new Error(result.message)
  return passes(filters, of, result.view)
}

const BINARY = { ce_specversion: '1.0', ce_id: 'e1', ce_source: '/shop', ce_type: 'order.placed', ce_tenant: 'a' }
const data = (value: unknown): RecordTexts => ({ value: JSON.stringify(value) })

describe('a filter', () => {
  test.each<[string, Filter, RecordTexts, boolean]>([
    ['on an attribute, exactly', { type: { exact: 'order.placed' } }, { headers: BINARY }, true],
    ['on an attribute, exactly, with another value', { type: { exact: 'order' } }, { headers: BINARY }, false],
    ['on how an attribute begins', { type: { prefix: 'order.' } }, { headers: BINARY }, true],
    ['on how an attribute ends', { type: { suffix: '.placed' } }, { headers: BINARY }, true],
    ['on an extension', { tenant: { exact: 'a' } }, { headers: BINARY }, true],
    ['on an attribute that is not there', { subject: { prefix: '' } }, { headers: BINARY }, false],
    ['on what every object has', { constructor: { prefix: '' } }, { headers: BINARY }, false],
    ['on the made-up attributes of a plain record', { source: { exact: '/topics/orders' } }, {}, true],
    ['on the type of data nobody named', { datacontenttype: { exact: 'application/json' } }, {}, true],
    ['on the key', { key: { prefix: 'eu-' } }, { key: 'eu-1' }, true],
    ['on the key, without one', { key: { prefix: '' } }, {}, false],
    ['on a key of bytes', { key: { prefix: '' } }, { key: Buffer.from([0, 255]) }, false],
    ['on the topic', { topic: { exact: 'orders' } }, {}, true],
    ['on data', { 'data.order.country': { exact: 'DE' } }, data({ order: { country: 'DE' } }), true],
    ['on a number in data', { 'data.n': { exact: '4.5' } }, data({ n: 4.5 }), true],
    ['on a boolean in data', { 'data.ok': { exact: 'false' } }, data({ ok: false }), true],
    ['on an item of a list in data', { 'data.items.0.sku': { exact: 'a' } }, data({ items: [{ sku: 'a' }] }), true],
    ['on an object in data', { 'data.order': { prefix: '' } }, data({ order: {} }), false],
    ['on what data inherits', { 'data.constructor.name': { prefix: '' } }, data({}), false],
    ['on data that is no JSON', { 'data.a': { prefix: '' } }, { value: 'no' }, false],
    ['on data of a tombstone', { 'data.a': { prefix: '' } }, { value: null }, false],
  ])('%s', (...[, filter, part, want]) => {
    expect(accepts([filter], part)).toBe(want)
  })

  test('reads the data of a structured CloudEvent, as JSON or in bytes', () => {
    const event = { specversion: '1.0', id: 'e', source: 's', type: 't' }
    const record = (part: object) => ({
      headers: { 'content-type': 'application/cloudevents+json' },
      value: JSON.stringify({ ...event, ...part }),
    })
    const filter = { 'data.a': { exact: '1' } }
    expect(accepts([filter], record({ data: { a: 1 } }))).toBe(true)
    expect(accepts([filter], record({ data_base64: Buffer.from('{"a":1}').toString('base64') }))).toBe(true)
    expect(accepts([filter], record({ data: { a: 2 } }))).toBe(false)
  })

  test('takes the topic a record was first read from: its retry is for the Trigger as it was', () => {
    const origin = { topic: 'orders', partition: 0, offset: 1, timestampMs: 0 }
    const retry = delivery({ topic: 'dormouse.default.on-orders.retry.1000' }, { origin })
    const result = viewOf(retry)
    expect(result.kind === 'event' && passes([{ topic: { exact: 'orders' } }], retry, result.view)).toBe(true)
  })
})

describe('filters', () => {
  const isA: Filter = { tenant: { exact: 'a' }, type: { prefix: 'order.' } }
  const isB: Filter = { tenant: { exact: 'b' } }

  test('let everything through when there are none', () => {
    expect(accepts([], {})).toBe(true)
  })

  test('let through what fits all patterns of one of them', () => {
    expect(accepts([isB, isA], { headers: BINARY })).toBe(true)
    expect(accepts([isA, isB], { headers: { ...BINARY, ce_type: 'cart.left' } })).toBe(false)
    expect(accepts([isA, isB], { headers: { ...BINARY, ce_type: 'cart.left', ce_tenant: 'b' } })).toBe(true)
  })
})
