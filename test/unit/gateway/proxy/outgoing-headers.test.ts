import { expect, test } from '@jest/globals'
import { addCors, addForwarding, answerHeaders } from '../../../../gateway/proxy/outgoing-headers.ts'
import { readHead } from '../../../../gateway/proxy/request-head.ts'

test('an answer keeps its own headers and loses those of the connection and of the platform', () => {
  const from = {
    connection: 'close, x-private',
    'x-private': '1',
    'transfer-encoding': 'chunked',
    'set-cookie': ['a=1', 'b=2'],
    'dormouse-report': 'duration=1',
    'dormouse-error': 'handled',
    'dormouse-key': 'secret',
    etag: '"x"',
  }
  expect(answerHeaders(from, false)).toEqual([
    'set-cookie',
    'a=1',
    'set-cookie',
    'b=2',
    'dormouse-error',
    'handled',
    'etag',
    '"x"',
  ])
  expect(answerHeaders(from, true)).toContain('dormouse-report')
  expect(answerHeaders(from, true)).not.toContain('dormouse-key')
})

const TRACE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
test.each([
  ['goes with the trace it came with', TRACE, 'a=1,b=2, c=3'],
  ['of no trace is dropped', undefined, undefined],
  ['of a trace that is none is dropped', '00-0-0-01', undefined],
])('the state of a trace %s', (_rule, traceparent, passed) => {
  const raw = [
    'TraceState',
    'a=1,b=2',
    'tracestate',
    'c=3',
    ...(traceparent === undefined ? [] : ['traceparent', traceparent]),
  ]
  const head = readHead(raw)
  addForwarding(head, { requestId: 'r', peer: '192.0.2.1', trusted: false })
  const at = head.headers.indexOf('tracestate')
  expect(at < 0 ? undefined : head.headers[at + 1]).toBe(passed)
  expect(head.headers.filter((name) => name.toLowerCase() === 'tracestate')).toHaveLength(passed === undefined ? 0 : 1)
})

test('a route with CORS replaces what the function says of it, except vary', () => {
  const own = ['Access-Control-Allow-Origin', '*', 'vary', 'accept', 'x', '1']
  expect(addCors(own, ['access-control-allow-origin', 'http://a'])).toEqual([
    'vary',
    'accept',
    'x',
    '1',
    'access-control-allow-origin',
    'http://a',
  ])
})
