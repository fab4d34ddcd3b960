import { expect, test } from '@jest/globals'
import { addCors, answerHeaders } from '../../../../gateway/proxy/outgoing-headers.ts'

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
