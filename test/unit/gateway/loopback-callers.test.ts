import { expect, test } from '@jest/globals'
import { refuseOtherSites } from '../../../gateway/proxy/loopback-callers.ts'

const isFunction = (host: string) => host.startsWith('hello.default')
const call = (host: string, method = 'POST', ...rawHeaders: string[]) =>
  refuseOtherSites({ host, method, target: '/fn/default/hello', rawHeaders }, isFunction)?.message

test.each([
  ['localhost:8081'],
  ['127.0.0.1:8081'],
  ['[::1]:8081'],
  ['shop.localhost'],
  ['host.docker.internal:8081'],
  ['192.168.1.7:8081'],
  ['devbox'],
  ['hello.default'],
  ['hello.default.svc.cluster.local:80'],
  [''],
])('a program may call Host %j', (host) => {
  expect(call(host)).toBeUndefined()
})

test.each([
  ['evil.example:8081'],
  ['hello.default.evil.example'],
  ['evil.com'],
  ['127.0.0.1.evil.example'],
  ['evil.localhost.example'],
])('a page that reached us by DNS rebinding, Host %j, may not', (host) => {
  expect(call(host, 'GET')).toBe(`expected a Host such as localhost, got ${JSON.stringify(host)}`)
})

test.each([['http://localhost:5173'], ['http://127.0.0.1:3000'], ['http://hello.default']])(
  'a page of %s, of this machine, may',
  (origin) => {
    expect(call('hello.default', 'POST', 'Origin', origin, 'Sec-Fetch-Site', 'cross-site')).toBeUndefined()
  },
)

test.each([['https://evil.example'], ['null'], ['']])('a page of %j may not, whatever it sends', (origin) => {
  for (const method of ['POST', 'GET'])
    expect(call('localhost:8081', method, 'Origin', origin)).toBe(
      `expected no request from a page of another site, got one from ${JSON.stringify(origin)}`,
    )
})

test('a link from elsewhere may be followed, and nothing be sent by it', () => {
  expect(call('localhost:8081', 'GET', 'sec-fetch-site', 'cross-site')).toBeUndefined()
  expect(call('localhost:8081', 'POST', 'sec-fetch-site', 'cross-site')).toContain('got one from "another site"')
})
