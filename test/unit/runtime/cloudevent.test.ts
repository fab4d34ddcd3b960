import { expect, test } from '@jest/globals'
import { parseCloudEvent } from '../../../runtime-image/node/src/cloudevent.ts'

const HEAD = { 'ce-specversion': '1.0', 'ce-id': '1', 'ce-source': '/s', 'ce-type': 't' }

test('attributes are percent-decoded, unquoted, and told apart from other headers', () => {
  const headers = { ...HEAD, 'ce-subject': 'Euro %E2%82%AC', 'ce-note': '"a \\"b\\""', host: 'x' }
  expect(parseCloudEvent(headers, Buffer.alloc(0))).toEqual({
    kind: 'event',
    event: { specversion: '1.0', id: '1', source: '/s', type: 't', subject: 'Euro €', note: 'a "b"' },
  })
})

test.each<[string, unknown]>([
  ['application/json', { a: 1 }],
  ['application/vnd.acme+json; charset=utf-8', { a: 1 }],
  ['text/plain', '{"a":1}'],
  ['application/octet-stream', Buffer.from('{"a":1}')],
])('data of %s', (contentType, want) => {
  const parsed = parseCloudEvent({ ...HEAD, 'content-type': contentType }, Buffer.from('{"a":1}'))
  expect(parsed).toMatchObject({ kind: 'event', event: { data: want, datacontenttype: contentType } })
})

test.each<[string, unknown]>([
  ['{"a":1}', { a: 1 }],
  ['text', Buffer.from('text')],
])('data %s without a content type is JSON if it can be', (body, want) => {
  const parsed = parseCloudEvent(HEAD, Buffer.from(body))
  expect(parsed).toMatchObject({ kind: 'event', event: { data: want } })
  expect(parsed).not.toHaveProperty('event.datacontenttype')
})

test('attributes of a structured event that are null are absent, data that is null is data', () => {
  const body = { specversion: '1.0', id: '1', source: '/s', type: 't', data: null }
  const nulls = { subject: null, time: null, dataschema: null, datacontenttype: null, ext: null }
  const parsed = parseCloudEvent(
    { 'content-type': 'application/cloudevents+json' },
    Buffer.from(JSON.stringify({ ...body, ...nulls })),
  )
  expect(parsed).toEqual({ kind: 'event', event: body })
})

test.each<[object, string]>([
  [{ id: null }, 'id must be a non-empty string, got nothing'],
  [{ time: 'yesterday' }, 'time must be an RFC 3339 timestamp, got "yesterday"'],
  [{ time: '2026-02-30T00:00:00Z' }, 'time must be an RFC 3339 timestamp, got "2026-02-30T00:00:00Z"'],
  [{ time: '2026-01-31T12:00:00+25:00' }, 'time must be an RFC 3339 timestamp, got "2026-01-31T12:00:00+25:00"'],
  [{ data_base64: 'no base64!' }, 'data_base64 must be base64, got other text'],
  [{ id: 7 }, 'id must be a non-empty string, got 7'],
  [{ Upper: 'x' }, 'attribute names are lower-case letters and digits, got "Upper"'],
  [{ list: [1] }, 'list must be a string, a number or a boolean, got [1]'],
  [{ data: 1, data_base64: 'AA==' }, 'expected either data or data_base64, got both'],
])('a structured event with %j is refused', (change, message) => {
  const body = { specversion: '1.0', id: '1', source: '/s', type: 't', ...change }
  const headers = { 'content-type': 'application/cloudevents+json; charset=utf-8' }
  expect(parseCloudEvent(headers, Buffer.from(JSON.stringify(body)))).toEqual({ kind: 'invalid', status: 400, message })
})

test('a whole event under another content type is told which one to name', () => {
  const body = Buffer.from(JSON.stringify({ specversion: '1.0', id: '1', source: '/s', type: 't' }))
  expect(parseCloudEvent({ 'content-type': 'application/json' }, body)).toEqual({
    kind: 'invalid',
    status: 400,
    message:
      'expected headers ce-specversion, ce-id, ce-source and ce-type, or content-type application/cloudevents+json for a whole event',
  })
})

test('an attribute with the name of the data is refused', () => {
  const parsed = parseCloudEvent({ ...HEAD, 'ce-data': 'x' }, Buffer.alloc(0))
  expect(parsed).toMatchObject({ kind: 'invalid', status: 400, message: expect.stringContaining('got "data"') })
})

test.each(['aGk=', 'aGk', 'aGk=\n'])('data_base64 %j is read', (data_base64) => {
  const body = { specversion: '1.0', id: '1', source: '/s', type: 't', datacontenttype: 'text/plain', data_base64 }
  const parsed = parseCloudEvent({ 'content-type': 'application/cloudevents+json' }, Buffer.from(JSON.stringify(body)))
  expect(parsed).toMatchObject({ kind: 'event', event: { data: 'hi' } })
})
