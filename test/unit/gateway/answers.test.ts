import { expect, test } from '@jest/globals'
import { requestIdFrom, traceparentFrom } from '../../../gateway/proxy/identity.ts'
import { addCors, answerHeaders } from '../../../gateway/proxy/outgoing-headers.ts'

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

test.each(['', 'a b', 'x'.repeat(129), 'new\nline', 'ünlaut'])('an insane request id %j is replaced', (id) => {
  expect(requestIdFrom(id)).toMatch(/^[0-9a-f-]{36}$/)
})

test('a made trace id is valid and the request’s own when that is ours', () => {
  expect(traceparentFrom(undefined, 'a5b0c1d2-1111-4222-8333-444455556666')).toBe(
    '00-a5b0c1d2111142228333444455556666-8333444455556666-00',
  )
  expect(traceparentFrom(undefined, undefined)).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/)
  expect(traceparentFrom('00-abc', undefined)).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/)
})
