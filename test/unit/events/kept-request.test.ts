import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { keptHeader, keptRequest, MAX_KEPT_BYTES, type KeptRequest } from '../../../events/kept-request.ts'
import { delivery } from '../../builders/delivery.ts'

const asked = (part: Partial<KeptRequest> = {}): KeptRequest => ({
  method: 'PUT',
  path: '/a?b=1',
  headers: [],
  ...part,
})
const readBack = (header: ReturnType<typeof keptHeader>) =>
  keptRequest({ ...delivery().record, headers: header === undefined ? [] : [header] })

test('what is kept of a request is read as it was, byte for byte of its headers', () => {
  // As node reads headers: Latin-1.
  const text = fc.string({ unit: fc.integer({ min: 0x20, max: 0xff }).map((code) => String.fromCharCode(code)) })
  const name = fc.stringMatching(/^x-[a-zA-Z-]{0,20}$/)
  fc.assert(
    fc.property(fc.array(fc.tuple(name, text)), text, (pairs, rest) => {
      const request = asked({ path: `/${rest}`, headers: pairs.flat() })
      expect(readBack(keptHeader(request))).toEqual(request)
    }),
  )
})

test('headers of the platform, traces and the length are not kept: every attempt has its own', () => {
  const headers = [
    ...['Dormouse-Key', 'k', 'dormouse-request-id', 'r', 'TraceParent', 't', 'tracestate', 's', 'Content-Length', '1'],
    ...['x-a', '1', 'X-A', '2', 'Cookie', 'c'],
  ]
  expect(readBack(keptHeader(asked({ headers })))?.headers).toEqual(['x-a', '1', 'X-A', '2', 'Cookie', 'c'])
})

test('more than fits beside a body is not kept by halves', () => {
  const of = (length: number) => keptHeader(asked({ headers: ['x', 'y'.repeat(length)] }))
  expect(of(MAX_KEPT_BYTES - 100)).toBeDefined()
  expect(of(MAX_KEPT_BYTES)).toBeUndefined()
})

test.each(['', '{', '1', '{"method":"A B","path":"/","headers":[]}', '{"method":"GET","path":"x","headers":[]}'])(
  'a header that keeps no request, such as %j, counts as none',
  (text) => {
    expect(readBack(['dormouse-request', Buffer.from(text)])).toBeUndefined()
  },
)

test.each(['["x"]', '["x",1]', '{}'])('headers such as %s make it none', (headers) => {
  const text = `{"method":"GET","path":"/","headers":${headers}}`
  expect(readBack(['dormouse-request', Buffer.from(text)])).toBeUndefined()
})
