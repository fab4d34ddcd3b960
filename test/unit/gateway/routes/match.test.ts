import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import type { FeedRoute } from '../../../../api/protocol.ts'
import { compileRoutes, hostName, type RouteMatch } from '../../../../gateway/routes/match.ts'
import { feedRoute } from '../../../builders/feed.ts'

function named(name: string, change: Partial<FeedRoute>): FeedRoute {
  return feedRoute({ trigger: `default/${name}`, ...change })
}

/** Name of the trigger that answers, or how it is refused. */
function answering(routes: FeedRoute[], request: { host?: string; method?: string; target: string }): string {
  const outcome = compileRoutes(routes).match(request.host, request.method ?? 'GET', request.target)
  return outcome.kind === 'match' ? outcome.route.trigger.slice('default/'.length) : outcome.kind
}

function pathFor(route: Partial<FeedRoute>, target: string): string {
  const outcome = compileRoutes([feedRoute(route)]).match('a', 'GET', target)
  return outcome.kind === 'match' ? outcome.functionPath : outcome.kind
}

describe('precedence', () => {
  const hosts = [
    named('any', {}),
    named('wide', { hosts: ['*.example.com'] }),
    named('wider', { hosts: ['*.com'] }),
    named('exact', { hosts: ['a.example.com'] }),
  ]
  test.each([
    ['a.example.com', 'exact'],
    ['A.Example.Com:8080', 'exact'],
    ['a.example.com.', 'exact'],
    ['b.example.com', 'wide'],
    ['c.b.example.com', 'wide'],
    ['example.com', 'wider'],
    ['other.com', 'wider'],
    ['com', 'any'],
    ['xexample.com', 'wider'],
    ['example.org', 'any'],
    ['10.0.0.1:80', 'any'],
    ['[::1]:80', 'any'],
    ['', 'any'],
    [undefined, 'any'],
  ])('of hosts: %s is answered by %s', (host, name) => {
    expect(answering(hosts, { ...(host !== undefined && { host }), target: '/' })).toBe(name)
  })

  const paths = [
    named('root', {}),
    named('a', { path: '/a' }),
    named('a-b', { path: '/a/b' }),
    named('exact', { path: '/a/b', pathType: 'Exact' }),
    named('slash', { path: '/s/' }),
    named('exact-slash', { path: '/e/', pathType: 'Exact' }),
  ]
  test.each([
    ['/', 'root'],
    ['/x', 'root'],
    ['/ab', 'root'],
    ['/a', 'a'],
    ['/a?x=/a/b', 'a'],
    ['/a/', 'a'],
    ['/a/c/d', 'a'],
    ['/a/bc', 'a'],
    ['/a/b', 'exact'],
    ['/a/b?q', 'exact'],
    ['/a/b/', 'a-b'],
    ['/a/b/c', 'a-b'],
    ['/s', 'slash'],
    ['/s/x', 'slash'],
    ['/e', 'root'],
    ['/e/', 'exact-slash'],
    ['//a', 'root'],
  ])('of paths: %s is answered by %s', (target, name) => expect(answering(paths, { target })).toBe(name))

  test('a host that lacks the path gives way to a less specific one', () => {
    const routes = [named('mine', { hosts: ['a.b'], path: '/mine' }), named('all', { path: '/all' })]
    expect(answering(routes, { host: 'a.b', target: '/all' })).toBe('all')
    expect(answering(routes, { host: 'a.b', target: '/none' })).toBe('not-found')
  })

  test('of equal routes the first wins', () => {
    expect(answering([named('first', {}), named('second', {})], { target: '/' })).toBe('first')
  })

  test('one route may stand under several hosts', () => {
    const routes = [named('two', { hosts: ['a.b', '*.c'] })]
    expect(answering(routes, { host: 'a.b', target: '/' })).toBe('two')
    expect(answering(routes, { host: 'x.c', target: '/' })).toBe('two')
    expect(answering(routes, { host: 'x.d', target: '/' })).toBe('not-found')
  })
})

describe('methods', () => {
  const routes = [
    named('read', { path: '/x', methods: ['GET', 'HEAD'] }),
    named('write', { path: '/x', methods: ['POST'] }),
    named('exact', { path: '/x/y', pathType: 'Exact', methods: ['PUT'] }),
  ]
  test.each([
    ['GET', '/x', 'read'],
    ['POST', '/x', 'write'],
    ['PUT', '/x/y', 'exact'],
    ['GET', '/x/y', 'read'],
    ['DELETE', '/x', 'method-not-allowed'],
    ['get', '/x', 'method-not-allowed'],
    ['DELETE', '/z', 'not-found'],
  ])('%s %s is answered by %s', (method, target, name) => expect(answering(routes, { method, target })).toBe(name))

  test('a refusal names what the routes of the path take', () => {
    expect(compileRoutes(routes).match('a', 'DELETE', '/x/y')).toEqual({
      kind: 'method-not-allowed',
      allow: ['GET', 'HEAD', 'POST', 'PUT'],
    })
  })
})

describe('targets that can be read two ways are refused', () => {
  test.each([
    '/..',
    '/../x',
    '/a/../b',
    '/a/..',
    '/a/..?x',
    '/%2e%2e/x',
    '/%2E./x',
    '/a/.%2e',
    '/a%2f..%2fb',
    '/a%2F%2e%2e',
    '/..%2fx',
    '/..%5cx',
    '/a%5c..%5cb',
    '/a\\b',
    '/..\\x',
    '/%00',
    '/a%00b',
    '/%',
    '/%2',
    '/%zz',
    '/%ff',
    '/%c0%ae%c0%ae/',
    '/a#b',
    '',
    '*',
    'a',
    'example.com:443',
    'ftp://a/b',
    'http://',
    'http://user@a/b',
    '?x',
  ])('%j', (target) => expect(answering([feedRoute()], { target })).toBe('bad-path'))

  test.each([
    '/...',
    '/..a',
    '/a..',
    '/a/..b/c',
    '/%2e',
    '/a%20b',
    '/a%2Fb',
    '/%5c',
    '/%252e%252e/',
    '/x?..',
    '/x?a=%zz',
    '/x?/../',
    '/a;b=c',
    '/ä',
  ])('%j can only be read one way', (target) => expect(answering([feedRoute()], { target })).toBe('hello'))
})

describe('escapes', () => {
  const routes = [named('root', {}), named('admin', { path: '/admin' }), named('umlaut', { path: '/ä b' })]
  test.each([
    ['/%61dmin', 'admin'],
    ['/admin%2Fx', 'root'],
    ['/%C3%A4%20b/c', 'umlaut'],
    ['/admin/%2F', 'admin'],
  ])('%s is answered by %s', (target, name) => expect(answering(routes, { target })).toBe(name))
})

describe('the function sees', () => {
  test.each<[Partial<FeedRoute>, string, string]>([
    [{}, '/a/b?c=d', '/a/b?c=d'],
    [{ path: '/a' }, '/a/%62?c=%20', '/a/%62?c=%20'],
    [{ path: '/a', stripPrefix: true }, '/a', '/'],
    [{ path: '/a', stripPrefix: true }, '/a?x=/y', '/?x=/y'],
    [{ path: '/a', stripPrefix: true }, '/a/', '/'],
    [{ path: '/a', stripPrefix: true }, '/a/b%2Fc?x', '/b%2Fc?x'],
    [{ path: '/a/', stripPrefix: true }, '/a/b', '/b'],
    [{ path: '/ä', stripPrefix: true }, '/%C3%A4/b', '/b'],
    [{ path: '/a/b', stripPrefix: true }, '/%61/b/c/', '/c/'],
    [{ path: '/', stripPrefix: true }, '/a', '/a'],
    [{ path: '/a', pathType: 'Exact', stripPrefix: true }, '/a?x', '/?x'],
    [{}, 'http://a/b?c', '/b?c'],
    [{}, 'http://a', '/'],
    [{}, 'HTTP://a?x', '/?x'],
  ])('%j, asked for %s: %s', (route, target, seen) => expect(pathFor(route, target)).toBe(seen))
})

test('a target in absolute form names the host, whatever the Host header says', () => {
  const routes = [named('a', { hosts: ['a.example'] }), named('b', { hosts: ['b.example'] })]
  expect(answering(routes, { host: 'b.example', target: 'http://a.example:80/x' })).toBe('a')
})

test('without routes nothing is found', () => {
  expect(answering([], { host: 'a', target: '/' })).toBe('not-found')
})

test.each([
  ['a.b', 'a.b'],
  ['A.B:80', 'a.b'],
  ['a.b.:80', 'a.b'],
  ['[::1]', '[::1]'],
  ['[::1]:80', '[::1]'],
  ['', ''],
])('the name in host %j is %j', (host, name) => expect(hostName(host)).toBe(name))

test('a hostile path of many segments costs no more than its length', () => {
  const matcher = compileRoutes([feedRoute({ path: '/a'.repeat(250) }), feedRoute({ path: '/deep' })])
  const target = '/a'.repeat(50_000)
  const tookMs = Array.from({ length: 20 }, () => {
    const started = performance.now()
    matcher.match('a', 'GET', target)
    return performance.now() - started
  })
  // The quickest: what else runs on the machine makes single ones slow.
  expect(Math.min(...tookMs)).toBeLessThan(50)
})

/** The rule as one would say it: among routes that match, the most specific by host, then path kind, then path length, then order. */
function model(
  routes: readonly FeedRoute[],
  { host, method, path }: { host: string; method: string; path: string },
): FeedRoute | undefined {
  const hostRank = (route: FeedRoute) =>
    Math.max(
      route.hosts.length === 0 ? 0 : -1,
      ...route.hosts.map((each) => {
        if (each === host) return 1000
        return each.startsWith('*.') && host.endsWith(each.slice(1)) ? each.length : -1
      }),
    )
  const pathRank = ({ pathType, path: own }: FeedRoute) => {
    if (pathType === 'Exact') return own === path ? 1000 : -1
    const prefix = own.replace(/\/$/, '')
    return path === prefix || path.startsWith(`${prefix}/`) ? prefix.length : -1
  }
  return routes
    .filter((route) => hostRank(route) >= 0 && pathRank(route) >= 0)
    .filter(({ methods }) => methods.length === 0 || methods.includes(method))
    .toSorted((a, b) => hostRank(b) - hostRank(a) || pathRank(b) - pathRank(a))[0]
}

const segment = fc.constantFrom('a', 'b', 'ab', '')
const pathArbitrary = fc.array(segment, { maxLength: 4 }).map((segments) => `/${segments.join('/')}`)
const routeArbitrary = fc.record({
  hosts: fc.uniqueArray(fc.constantFrom('x.y.z', '*.y.z', '*.z', 'y.z'), { maxLength: 2 }),
  path: pathArbitrary.filter((path) => !path.includes('//')),
  pathType: fc.constantFrom('Exact' as const, 'Prefix' as const),
  methods: fc.constantFrom<string[]>([], ['GET'], ['POST']),
})

test('the compiled matcher decides as the rule says', () => {
  fc.assert(
    fc.property(
      fc.array(routeArbitrary, { maxLength: 6 }),
      fc.constantFrom('x.y.z', 'w.y.z', 'y.z', 'z', 'q'),
      pathArbitrary,
      (changes, host, target) => {
        const routes = changes.map((change, index) => named(String(index), change))
        const outcome: RouteMatch = compileRoutes(routes).match(host, 'GET', target)
        const wanted = model(routes, { host, method: 'GET', path: target })
        expect(outcome.kind === 'match' ? outcome.route : undefined).toBe(wanted)
        if (!wanted) {
          const other = model(routes, { host, method: 'POST', path: target })
          expect(outcome.kind).toBe(other ? 'method-not-allowed' : 'not-found')
        }
      },
    ),
    { numRuns: 2000 },
  )
})

test('what the function sees is always a path that the client sent', () => {
  fc.assert(
    fc.property(pathArbitrary, fc.webQueryParameters(), (path, query) => {
      const matcher = compileRoutes([feedRoute({ path: '/a', stripPrefix: true }), feedRoute()])
      const target = query === '' ? path : `${path}?${query}`
      const outcome = matcher.match('h', 'GET', target)
      expect(outcome).toMatchObject({ kind: 'match', functionPath: expect.stringMatching(/^\//) })
      if (outcome.kind !== 'match') return
      const kept = outcome.route.stripPrefix ? target.slice('/a'.length) : target
      expect(outcome.functionPath).toBe(kept.startsWith('/') ? kept : `/${kept}`)
    }),
  )
})

test('no text throws', () => {
  const matcher = compileRoutes([feedRoute({ path: '/a', stripPrefix: true }), feedRoute({ hosts: ['*.a'] })])
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string(), (target, host) => {
      expect(['match', 'not-found', 'bad-path']).toContain(matcher.match(host, 'GET', `/${target}`).kind)
    }),
  )
})
