import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import {
  invocationRecord,
  publishedRecord,
  type Invoked,
  type Published,
} from '../../../../gateway/events-api/records.ts'
import { ProblemError } from '../../../../routing/problems.ts'

const published = (part: Partial<Published> & { search?: string } = {}) =>
  publishedRecord({
    ...{ topic: 'orders', body: Buffer.from('x'), rawHeaders: [] },
    ...part,
    query: new URLSearchParams(part.search),
  })
const shown = ({ headers }: ReturnType<typeof publishedRecord>) =>
  headers.map(([name, value]) => `${name}: ${value.toString()}`)

describe('a record', () => {
  test('has the headers that are about its value, in their order, repeats kept', () => {
    const rawHeaders = ['Host', 'a', 'CE-Type', 'x', 'Content-Type', 'a/b', 'Accept', '*/*', 'ce-type', 'y']
    expect(shown(published({ rawHeaders }))).toEqual(['ce_type: x', 'content-type: a/b', 'ce_type: y'])
  })

  test('has the trace of whoever published it, with its state', () => {
    const rawHeaders = ['Traceparent', 't', 'TraceState', 'a=b', 'baggage', 'c=d']
    expect(shown(published({ rawHeaders }))).toEqual(['traceparent: t', 'tracestate: a=b'])
  })

  test('never has headers that only the platform writes', () => {
    const name = fc.oneof(
      fc.constantFrom('dormouse-delivery-id', 'Dormouse-Attempt', '__dlq.errors.topic', 'dormouse-due', 'ce-x'),
      fc.stringMatching(/^[A-Za-z-]{1,20}$/),
    )
    fc.assert(
      fc.property(fc.array(fc.tuple(name, fc.string())), (pairs) => {
        for (const line of shown(published({ rawHeaders: pairs.flat() })))
          expect(line).toMatch(/^(content-type|content-encoding|traceparent|tracestate|ce_[^:]*): /)
      }),
    )
  })

  test.each([
    ['caf%C3%A9', 'café'],
    ['100%', '100%'],
    ['a b', 'a b'],
    ['"a \\"b\\" %C3%A9"', 'a "b" é'],
    ['"', '"'],
    // Node reads bytes as Latin-1: UTF-8 that its sender left as it is, and what is none.
    ['ZÃ¼rich', 'Zürich'],
    ['caf\xe9', 'café'],
  ])('of a CloudEvent has the attribute %j as %j', (value, decoded) => {
    expect(shown(published({ rawHeaders: ['ce-subject', value] }))).toEqual([`ce_subject: ${decoded}`])
  })

  test.each([
    ['', null],
    ['key=a', 'a'],
    ['key=', ''],
    ['key=%C3%A9', 'é'],
  ])('asked for with ?%s has the key %j', (search, key) => {
    expect(published({ search }).key?.toString() ?? null).toBe(key)
  })

  const EVENT = { specversion: '1.0', id: '1', source: '/s', type: 't' }
  test.each<[string, object | string, string, string | null]>([
    ['the key that it names', { ...EVENT, partitionkey: 'ada' }, '', 'ada'],
    ['the key that is asked for', { ...EVENT, partitionkey: 'ada' }, 'key=bob', 'bob'],
    ['none when it names none', { ...EVENT, data: { partitionkey: 'ada' } }, '', null],
    ['none when what it names is no text', { ...EVENT, partitionkey: { a: 1 } }, '', null],
    ['none when it is no event', '["partitionkey"', '', null],
  ])('that is a CloudEvent in structured mode has %s', (...[, event, search, key]) => {
    const body = Buffer.from(typeof event === 'string' ? event : JSON.stringify(event))
    const rawHeaders = ['Content-Type', 'application/cloudevents+json; charset=utf-8']
    const record = published({ body, rawHeaders, search })
    expect([record.key?.toString() ?? null, record.value]).toEqual([key, body])
    expect(published({ body, rawHeaders: ['Content-Type', 'application/json'] }).key).toBeNull()
  })

  test.each(['partition=', 'partition=-1', 'partition=1.5', 'partition=x'])('is refused with ?%s', (search) => {
    expect(() => published({ search })).toThrow(ProblemError)
  })

  test('without a body is empty, not null', () => {
    expect(published({ body: Buffer.alloc(0) }).value).toEqual(Buffer.alloc(0))
    expect(published({ body: Buffer.alloc(0), search: 'tombstone=true' }).value).toBeNull()
  })
})

const invoked: Invoked = {
  ...{ id: 'i', key: 'shop/pay', signature: 'event', method: 'PUT', path: '/a?b', body: Buffer.from('1'), nowMs: 7 },
  head: { headers: ['host', 'a', 'content-type', 'application/json', 'traceparent', 't'] },
}

test('an invocation is one record and one state of the same id', () => {
  const { record, state } = invocationRecord(invoked)
  expect(record).toMatchObject({ topic: 'dormouse.shop.pay.async', key: null, timestampMs: 7 })
  expect(shown(record)).toEqual(['dormouse-delivery-id: i', 'content-type: application/json', 'traceparent: t'])
  expect(state).toEqual({ id: 'i', functionKey: 'shop/pay', status: 'queued', acceptedAtMs: 7, attempts: 0 })
})

test('an invocation of a function with signature http keeps the request beside its body', () => {
  expect(shown(invocationRecord({ ...invoked, signature: 'http' }).record)).toEqual([
    ...['dormouse-delivery-id: i', 'content-type: application/json', 'traceparent: t'],
    'dormouse-request: {"method":"PUT","path":"/a?b","headers":["host","a","content-type","application/json"]}',
  ])
})

test('an invocation whose request cannot be kept whole is refused, not cut', () => {
  const head = { headers: ['x', 'y'.repeat(30_000)] }
  expect(() => invocationRecord({ ...invoked, signature: 'http', head })).toThrow(
    expect.objectContaining({ code: 'headers-too-large' }),
  )
  expect(invocationRecord({ ...invoked, head }).record.value).toEqual(Buffer.from('1'))
})
