import { describe, expect, test } from '@jest/globals'
import { CloudEvent, HTTP, Kafka } from 'cloudevents'
import { replyOf } from '../../../dispatcher/deliver/reply.ts'
import { textOf } from '../../../events/record-headers.ts'
import { logRecord } from '../../builders/delivery.ts'

const EVENT = { specversion: '1.0', id: 'r1', source: '/mailer', type: 'mail.sent' }
const STRUCTURED = 'application/cloudevents+json'
const answered = logRecord()

const reply = (headers: Record<string, string>, body: unknown = '', isCut = false) => {
  const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
  return replyOf({ status: 200, headers, body: bytes, isCut }, answered)
}

function sent(...of: Parameters<typeof reply>) {
  const found = reply(...of)
  if (found?.kind !== 'record') throw new Error(JSON.stringify(found))
  const { record } = found
  const headers = Object.fromEntries(record.headers.map(([name, value]) => [name, value.toString()]))
  return { topic: record.topic, key: record.key?.toString(), value: record.value?.toString(), headers }
}

describe('a CloudEvent as the answer', () => {
  const event = new CloudEvent({
    ...{ id: 'r-1', source: '/mailer', type: 'mail.sent', subject: 'Grüße', datacontenttype: 'application/json' },
    ...{ partitionkey: 'order-1', data: { to: 'zoë@example.org' } },
  })

  test.each(['binary', 'structured'] as const)(
    'in %s mode is a record that the SDK reads as the same event',
    (mode) => {
      const message = HTTP[mode](event)
      const http = JSON.parse(JSON.stringify(message.headers)) as Record<string, string>
      const { topic, key, value, headers } = sent({ ...http, 'dormouse-topic': 'mails' }, message.body)
      expect([topic, key]).toEqual(['mails', 'order-1'])
      const read = Kafka.toEvent({ headers, value, key, body: value, timestamp: '0' } as never) as CloudEvent<unknown>
      const want = JSON.parse(JSON.stringify(event)) as object
      expect(JSON.parse(JSON.stringify(read))).toEqual(want)
    },
  )

  test('may name its topic by an attribute, which is not part of what is stored', () => {
    const binary = { 'ce-specversion': '1.0', 'ce-id': 'r1', 'ce-source': '/m', 'ce-type': 't' }
    const one = sent({ ...binary, 'ce-dormousetopic': 'mails' })
    expect(one.topic).toBe('mails')
    expect(one.headers).not.toHaveProperty('ce_dormousetopic')
    const two = sent({ 'content-type': STRUCTURED }, { ...EVENT, dormousetopic: 'mails', data: 1 })
    expect([two.topic, two.value]).toEqual(['mails', JSON.stringify({ ...EVENT, data: 1 })])
    const long = '{"specversion":"1.0","id":"1","source":"/m","type":"t","data":12345678901234567890'
    expect(sent({ 'content-type': STRUCTURED }, `${long},"dormousetopic":"mails"}`).value).toBe(`${long}}`)
  })

  test('may be what a function with signature cloudevent returned: JSON that is one', () => {
    const { topic, value, headers } = sent(
      { 'content-type': 'application/json' },
      { ...EVENT, dormousetopic: 'mails', data: { n: 1 } },
    )
    expect([topic, headers['content-type']]).toEqual(['mails', STRUCTURED])
    expect(JSON.parse(value!)).toEqual({ ...EVENT, data: { n: 1 } })
  })

  test.each([
    ['a tombstone when the answer is 204', 204, null],
    ['a record of no bytes when the answer has an empty body', 200, Buffer.alloc(0)],
  ])('in binary mode is %s', (_, status, value) => {
    const headers = {
      'dormouse-topic': 'mails',
      'ce-specversion': '1.0',
      'ce-id': 'r',
      'ce-source': '/m',
      'ce-type': 't',
    }
    const part = { 'ce-partitionkey': 'ada' }
    const found = replyOf({ status, headers: { ...headers, ...part }, body: Buffer.alloc(0), isCut: false }, answered)
    expect(found).toMatchObject({ kind: 'record', record: { key: Buffer.from('ada'), value } })
  })

  test('passes the trace on and counts its hops', () => {
    const trace = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    const record = logRecord({ headers: { traceparent: trace, tracestate: 'a=b', 'dormouse-hops': '3' } })
    const body = Buffer.from(JSON.stringify({ ...EVENT, dormousetopic: 'mails' }))
    const found = replyOf({ status: 200, headers: { 'content-type': STRUCTURED }, body, isCut: false }, record)
    if (found?.kind !== 'record') throw new Error('no reply')
    expect(textOf(found.record.headers, 'traceparent')).toBe(trace)
    expect(textOf(found.record.headers, 'tracestate')).toBe('a=b')
    expect(textOf(found.record.headers, 'dormouse-hops')).toBe('4')
  })
})

describe('no reply', () => {
  test.each<[string, Record<string, string>, unknown]>([
    ['an answer without an event', { 'content-type': 'application/json' }, { ok: true }],
    ['an event that names no topic', { 'content-type': STRUCTURED }, EVENT],
    ['an answer that merely looks like an event', { 'content-type': 'application/json' }, { specversion: 'two' }],
    ['a broken event that names no topic', { 'content-type': STRUCTURED }, '{'],
  ])('%s', (_, headers, body) => {
    expect(reply(headers, body)).toBeUndefined()
  })
})

describe('a reply is refused, in one sentence,', () => {
  const named = (topic: string) => ({ 'content-type': STRUCTURED, 'dormouse-topic': topic })

  test.each<[string, Record<string, string>, unknown, string]>([
    ["to a topic of the platform's own", named('dormouse.default.x.dlt'), EVENT, 'belong to the platform'],
    ['to what cannot be a topic', named('a b'), EVENT, 'expected a name of a topic'],
    ['that is no event', { 'dormouse-topic': 'mails', 'content-type': 'text/plain' }, 'hi', 'expected a CloudEvent'],
    ['that is a wrong event', named('mails'), { ...EVENT, id: '' }, 'with id'],
    [
      'that is a wrong event and names its topic itself',
      { 'content-type': STRUCTURED },
      { dormousetopic: 'mails' },
      'specversion',
    ],
  ])('%s', (...[, headers, body, want]) => {
    expect(reply(headers, body)).toMatchObject({ kind: 'refused', failure: { message: expect.stringContaining(want) } })
  })

  test('that is larger than a record can be', () => {
    const binary = {
      'ce-specversion': '1.0',
      'ce-id': 'r1',
      'ce-source': '/m',
      'ce-type': 't',
      'dormouse-topic': 'mails',
    }
    expect(reply(binary, 'cut', true)).toMatchObject({ kind: 'refused', failure: { class: 'too-large' } })
  })
})
