import { expect, test } from '@jest/globals'
import { clientAddress, requestIdFrom, traceparentFrom } from '../../../../gateway/proxy/identity.ts'

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

test('made request ids are UUIDs of version 4 and differ', () => {
  const ids = Array.from({ length: 1_000 }, () => requestIdFrom(undefined))
  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  expect(new Set(ids).size).toBe(1_000)
})

test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['2001:db8::1', '2001:db8::1'],
  [undefined, ''],
])('a client at %s is written %j', (remoteAddress, written) => {
  expect(clientAddress({ remoteAddress })).toBe(written)
})
