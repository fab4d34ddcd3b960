import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { filterPatternSchema } from '../../../api/trigger-events.ts'
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
    ['on another value', { tenant: { anythingBut: ['b', 'c'] } }, { headers: BINARY }, true],
    ['on another value, with one of them', { tenant: { anythingBut: ['b', 'a'] } }, { headers: BINARY }, false],
    ['on another value, without any', { subject: { anythingBut: ['a'] } }, { headers: BINARY }, false],
    ['on another number in data', { 'data.n': { anythingBut: ['4'] } }, data({ n: 4 }), false],
    ['on another value than an object', { 'data.n': { anythingBut: ['4'] } }, data({ n: {} }), false],
    ['on another value than null', { 'data.n': { anythingBut: ['4'] } }, data({ n: null }), false],
    ['on another value of a tombstone', { 'data.n': { anythingBut: ['4'] } }, { value: null }, false],
    ['on a range of numbers', { 'data.n': { numeric: { gte: 4, lt: 5 } } }, data({ n: 4 }), true],
    ['on a range of numbers, at its open end', { 'data.n': { numeric: { gte: 4, lt: 5 } } }, data({ n: 5 }), false],
    ['on a number in data that is text', { 'data.n': { numeric: { eq: 4 } } }, data({ n: '4' }), false],
    ['on a number in data that is not there', { 'data.m': { numeric: { lt: 9 } } }, data({ n: 4 }), false],
    ['on a number too large for any', { 'data.n': { numeric: { gt: 4 } } }, { value: '{"n":1e999}' }, true],
    ['on a number in an attribute', { seq: { numeric: { gt: 9 } } }, { headers: { ...BINARY, ce_seq: '10' } }, true],
    ['on a number in a key', { key: { numeric: { eq: -1.5 } } }, { key: '-1.50e0' }, true],
    ['on a key that only looks like a number', { key: { numeric: { gte: 0 } } }, { key: '0x10' }, false],
    ['on an empty key that is asked for a number', { key: { numeric: { gte: 0 } } }, { key: '' }, false],
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

describe('for any value', () => {
  const finite = fc.double({ noNaN: true, noDefaultInfinity: true })
  const scalar = fc.oneof(fc.string(), fc.integer({ min: -9, max: 9 }), finite, fc.boolean())
  const bound = fc.option(fc.integer({ min: -9, max: 9 }), { nil: undefined })
  const inData = (pattern: Filter[string], value: unknown) => {
    expect(filterPatternSchema.safeParse(pattern).success).toBe(true)
    return accepts([{ 'data.a': pattern }], data({ a: value }))
  }

  test('anythingBut is the contrary of being exactly one of them', () => {
    const some = fc.uniqueArray(fc.oneof(fc.string(), scalar.map(String)), { minLength: 1, maxLength: 3 })
    fc.assert(
      fc.property(scalar, some, (value, texts) => {
        const isOne = texts.some((exact) => inData({ exact }, value))
        expect(inData({ anythingBut: texts }, value)).toBe(!isOne)
      }),
    )
  })

  test('a numeric pattern holds when each of its bounds does by itself, and for no text', () => {
    const pattern = fc.record({ gt: bound, gte: bound, lt: bound, lte: bound, eq: bound })
    fc.assert(
      fc.property(scalar, pattern, (value, numeric) => {
        const { gt = -Infinity, gte = -Infinity, lt = Infinity, lte = Infinity, eq = value } = numeric
        const wanted = typeof value === 'number' && value > gt && value >= gte && value < lt
        expect(inData({ numeric }, value)).toBe(wanted && value <= lte && value === eq)
        expect(inData({ numeric }, String(value))).toBe(false)
      }),
    )
  })

  test('a number is the same to a key as to data', () => {
    fc.assert(
      fc.property(finite, finite, (value, gt) => {
        const asKey = accepts([{ key: { numeric: { gt } } }], { key: JSON.stringify(value) })
        expect(asKey).toBe(inData({ numeric: { gt } }, value))
      }),
    )
  })
})
