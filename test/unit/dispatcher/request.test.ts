import { describe, expect, test } from '@jest/globals'
import { HTTP, type CloudEvent } from 'cloudevents'
import { viewOf } from '../../../dispatcher/deliver/event-view.ts'
import { requestFor, type RequestOptions } from '../../../dispatcher/deliver/request.ts'
import type { Delivery } from '../../../events/delivery.ts'
import { parseCloudEvent } from '../../../runtime-image/node/src/cloudevent.ts'
import { delivery, type RecordTexts } from '../../builders/delivery.ts'

type Signature = RequestOptions['signature']
const EVENT = { specversion: '1.0', id: 'e1', source: '/shop', type: 'order.placed' }
const BINARY = { ce_specversion: '1.0', ce_id: 'e1', ce_source: '/shop', ce_type: 'order.placed' }
const STRUCTURED = { 'content-type': 'application/cloudevents+json' }

function requestOf(signature: Signature, of: Delivery, wrapsPlain = true) {
  const result = viewOf(of)
  if (result.kind === 'malformed') throw new Error(result.message)
  return requestFor(of, result.view, { signature, wrapsPlain })
}

/** Headers by name, and the body as text; or why there is none. */
function sent(signature: Signature, part: RecordTexts, rest: { of?: Partial<Delivery>; wrapsPlain?: boolean } = {}) {
  const request = requestOf(signature, delivery(part, rest.of), rest.wrapsPlain)
  if (request.kind === 'rejected') throw new Error(`${request.failure.class}: ${request.failure.message}`)
  const headers: Record<string, string> = {}
  for (let at = 0; at < request.headers.length; at += 2) headers[request.headers[at]!] = request.headers[at + 1]!
  return { headers, body: request.body.toString() }
}

describe('every request', () => {
  test('names its delivery and attempt; the delivery id is the request id too', () => {
    const { headers } = sent('http', {}, { of: { deliveryId: 'd-1', attempt: 3 } })
    expect(headers).toMatchObject({
      'dormouse-request-id': 'd-1',
      'dormouse-delivery-id': 'd-1',
      'dormouse-attempt': '3',
    })
  })

  const trace = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
  test('passes the trace of its record on, from its header or its CloudEvent', () => {
    expect(sent('event', { headers: { traceparent: trace } }).headers['traceparent']).toBe(trace)
    expect(sent('event', { headers: { ...BINARY, ce_traceparent: trace } }).headers['traceparent']).toBe(trace)
  })

  test.each<[string, Record<string, string>, string | undefined]>([
    ['beside its trace', { traceparent: trace, tracestate: 'a=b' }, 'a=b'],
    ['of a CloudEvent', { ...BINARY, ce_traceparent: trace, ce_tracestate: 'a=b' }, 'a=b'],
    ['of another trace: not', { ...BINARY, traceparent: trace, ce_tracestate: 'a=b' }, undefined],
    ['of a trace that is none: not', { traceparent: 'nonsense', tracestate: 'a=b' }, undefined],
    ['that cannot be a header: not', { traceparent: trace, tracestate: 'a=b\r\nx: y' }, undefined],
    ['that is too long: not', { traceparent: trace, tracestate: `a=${'b'.repeat(5_000)}` }, undefined],
  ])('passes the state of a trace on, %s', (_, headers, want) => {
    const { headers: found } = sent('event', { headers })
    expect(found['tracestate']).toBe(want)
  })

  test('begins a trace where there is none or a wrong one, the same on every attempt', () => {
    const traces = [1, 2].map((attempt) => sent('event', {}, { of: { attempt } }).headers['traceparent'])
    expect(traces[0]).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/)
    expect(traces[1]).toBe(traces[0])
    expect(sent('event', { headers: { traceparent: 'nonsense' } }).headers['traceparent']).toBe(traces[0])
  })
})

describe('signature event', () => {
  test.each<[string, RecordTexts, string]>([
    ['JSON as it is, byte for byte', { value: '{ "a" : 1.0 }' }, '{ "a" : 1.0 }'],
    ['null for a tombstone', { value: null, key: 'k' }, 'null'],
    ['null for nothing', { value: '' }, 'null'],
    ['the data of a binary CloudEvent', { headers: BINARY, value: '{"a":1}' }, '{"a":1}'],
    [
      'the data of a structured CloudEvent',
      { headers: STRUCTURED, value: JSON.stringify({ ...EVENT, data: [1] }) },
      '[1]',
    ],
    [
      'the digits of the data of a structured CloudEvent',
      {
        headers: STRUCTURED,
        value: JSON.stringify({ ...EVENT, data: 1 }).replace('"data":1', '"data":[12345678901234567890,1e400]'),
      },
      '[12345678901234567890,1e400]',
    ],
    ['null for a CloudEvent without data', { headers: STRUCTURED, value: JSON.stringify(EVENT) }, 'null'],
    [
      'the JSON in the bytes of a structured CloudEvent',
      {
        headers: STRUCTURED,
        value: JSON.stringify({ ...EVENT, data_base64: Buffer.from('{"b":2}').toString('base64') }),
      },
      '{"b":2}',
    ],
  ])('gets %s', (_, part, want) => {
    const { headers, body } = sent('event', part)
    expect(body).toBe(want)
    expect(headers['content-type']).toBe('application/json')
    expect(Object.keys(headers).filter((name) => name.startsWith('ce-'))).toEqual([])
  })

  test.each<[string, RecordTexts, string]>([
    ['that is not JSON', { value: 'not JSON' }, 'decode'],
    ['that is not JSON within a CloudEvent', { headers: BINARY, value: '{"a":' }, 'decode'],
    [
      'of bytes within a CloudEvent',
      { headers: STRUCTURED, value: JSON.stringify({ ...EVENT, data_base64: 'AAEC' }) },
      'decode',
    ],
    ['larger than 6 MiB', { value: JSON.stringify('x'.repeat(6 * 1024 * 1024)) }, 'too-large'],
  ])('never sees a record %s', (_, part, want) => {
    const request = requestOf('event', delivery(part))
    expect(request).toMatchObject({ kind: 'rejected', failure: { class: want } })
  })
})

describe('signature cloudevent', () => {
  const parsed = (part: RecordTexts) => {
    const { headers, body } = sent('cloudevent', part)
    return HTTP.toEvent({ headers, body }) as CloudEvent<unknown>
  }

  test('gets a plain record as an event that the SDK and the runtime read alike', () => {
    const part = { key: 'Bestellung für "Zoë" 100%', value: '{"n":1}' }
    const event = parsed(part)
    expect(event.toJSON()).toMatchObject({
      ...{ type: 'dev.dormouse.record', source: '/topics/orders', id: 'orders-0-7.11112222' },
      ...{ datacontenttype: 'application/json', data: { n: 1 } },
    })
    const { headers, body } = sent('cloudevent', part)
    expect(parseCloudEvent(headers, Buffer.from(body))).toMatchObject({
      kind: 'event',
      event: { subject: 'Bestellung für "Zoë" 100%', data: { n: 1 } },
    })
  })

  test('gets a tombstone as an event without data, its key as the subject', () => {
    const { headers, body } = sent('cloudevent', { key: 'k', value: null })
    expect(headers).toMatchObject({ 'ce-subject': 'k' })
    expect(headers).not.toHaveProperty('content-type')
    expect(body).toBe('')
  })

  test('gets an event in the mode it was written in', () => {
    const structured = JSON.stringify({ ...EVENT, data: { a: 1 } })
    expect(sent('cloudevent', { headers: STRUCTURED, value: structured })).toMatchObject({
      headers: { 'content-type': 'application/cloudevents+json' },
      body: structured,
    })
    expect(parsed({ headers: STRUCTURED, value: structured }).data).toEqual({ a: 1 })
    const binary = sent('cloudevent', { headers: { ...BINARY, 'content-type': 'text/plain' }, value: 'hi' })
    expect(binary).toMatchObject({ headers: { 'ce-id': 'e1', 'ce-type': 'order.placed' }, body: 'hi' })
  })

  test('never sees data that is not the JSON it is said to be', () => {
    const part = { headers: { ...BINARY, 'content-type': 'application/json' }, value: 'no' }
    expect(requestOf('cloudevent', delivery(part))).toMatchObject({ kind: 'rejected', failure: { class: 'decode' } })
  })
})

describe('signature http', () => {
  test('gets the value as the body, with the content type of the record', () => {
    const part = { headers: { 'content-type': 'text/csv' }, value: 'a;b' }
    expect(sent('http', part)).toMatchObject({ headers: { 'content-type': 'text/csv' }, body: 'a;b' })
  })

  test('gets the attributes of a CloudEvent, and from a Trigger those of a plain record', () => {
    expect(sent('http', { headers: BINARY }).headers).toMatchObject({ 'ce-id': 'e1' })
    expect(sent('http', { key: 'k' }).headers).toMatchObject({ 'ce-subject': 'k', 'ce-source': '/topics/orders' })
  })

  test('gets an asynchronous invocation as it was made: no attributes that nobody gave it', () => {
    const { headers } = sent('http', {}, { wrapsPlain: false })
    expect(Object.keys(headers).filter((name) => name.startsWith('ce-'))).toEqual([])
    expect(sent('http', { headers: BINARY }, { wrapsPlain: false }).headers).toMatchObject({ 'ce-id': 'e1' })
  })
})
