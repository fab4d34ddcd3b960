import { expect, test } from '@jest/globals'
import { readHead } from '../../../../gateway/proxy/request-head.ts'
import { ANY_PROXY, trustedProxies } from '../../../../gateway/proxy/trusted-proxies.ts'

const SAID = ['X-Forwarded-For', '203.0.113.9', 'X-Forwarded-Proto', 'https', 'X-Forwarded-Host', 'shop.example']
const MORE = ['X-Forwarded-Port', '443', 'X-Real-IP', '203.0.113.9', 'Forwarded', 'for=203.0.113.9', 'Accept', '*/*']

test('a trusted proxy is believed', () => {
  const head = readHead([...SAID, ...MORE])
  expect(trustedProxies(['10.0.0.0/8']).clientOf(head, '10.1.2.3')).toBe('203.0.113.9')
  expect(head).toMatchObject({ forwardedFor: '203.0.113.9', forwardedProto: 'https', forwardedHost: 'shop.example' })
  expect(head.headers).toEqual(MORE)
})

test('what anybody else says of the way is forgotten, whatever the header, and everything else passes', () => {
  const head = readHead([...SAID, ...MORE])
  expect(trustedProxies(['10.0.0.0/8']).clientOf(head, '198.51.100.1')).toBe('198.51.100.1')
  expect(head).toMatchObject({ forwardedFor: undefined, forwardedProto: undefined, forwardedHost: undefined })
  expect(head.headers).toEqual(['Accept', '*/*'])
})

test('where every proxy is trusted nothing is forgotten, and nobody is taken for the client but the peer', () => {
  const head = readHead([...SAID, ...MORE])
  expect(ANY_PROXY.clientOf(head, '198.51.100.1')).toBe('198.51.100.1')
  expect(head).toMatchObject({ forwardedFor: '203.0.113.9' })
  expect(head.headers).toEqual(MORE)
})

test.each([
  ['the last that no trusted proxy has', '1.1.1.1, 203.0.113.9, 10.9.9.9', '203.0.113.9'],
  ['the farthest trusted one, when all are', '10.3.3.3, 10.2.2.2', '10.3.3.3'],
  ['the one that said nothing of before', undefined, '10.0.0.1'],
  ['the one before something that is no address', '203.0.113.9, unknown, 10.2.2.2', '10.2.2.2'],
  ['an address without its port', '203.0.113.9:4711', '203.0.113.9'],
  ['an IPv6 address', '2001:db8::7', '2001:db8::7'],
  ['an IPv6 address without brackets and port', '[2001:db8::7]:4711', '2001:db8::7'],
  ["a trusted IPv6 proxy's client", '203.0.113.9, fd00::1', '203.0.113.9'],
])('the client is %s', (_rule, forwardedFor, client) => {
  const head = readHead(forwardedFor === undefined ? [] : ['x-forwarded-for', forwardedFor])
  expect(trustedProxies(['10.0.0.0/8', 'fd00::/8']).clientOf(head, '10.0.0.1')).toBe(client)
})

test("a connection that is gone already is nobody's", () => {
  expect(trustedProxies(['0.0.0.0/0']).clientOf(readHead([]), '')).toBe('')
})

test.each(['proxy', '10.0.0.0/33', '10.0.0.0/', '10.0.0.0/8/8', '::1/129', '10.0.0.0/x', ''])(
  '%j is no range, and is told so',
  (range) => {
    expect(() => trustedProxies([range])).toThrow(
      `expected an address or a CIDR block, such as 10.0.0.0/8, got ${JSON.stringify(range)}`,
    )
  },
)
