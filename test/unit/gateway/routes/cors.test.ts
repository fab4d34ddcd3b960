import { describe, expect, test } from '@jest/globals'
import {
  corsHeaders,
  headerOf,
  isCorsHeader,
  preflightHeaders,
  readPreflight,
} from '../../../../gateway/routes/cors.ts'
import { defaultCors } from '../../../builders/feed.ts'

const ORIGIN = 'https://a.example'
const cors = { ...defaultCors, allowOrigins: [ORIGIN, 'http://localhost:3000'] }

function asObject(flat: string[]): Record<string, string> {
  return Object.fromEntries(Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i]!, flat[2 * i + 1]!]))
}

describe('a preflight', () => {
  const raw = [
    'Host',
    'h',
    'Origin',
    ORIGIN,
    'Access-Control-Request-Method',
    'PUT',
    'access-control-request-headers',
    'x-a,x-b',
  ]

  test('is an OPTIONS with Origin and the method it asks for', () => {
    expect(readPreflight('OPTIONS', raw)).toEqual({ origin: ORIGIN, method: 'PUT', headers: 'x-a,x-b' })
    expect(readPreflight('OPTIONS', raw.slice(0, 6))).toEqual({ origin: ORIGIN, method: 'PUT', headers: undefined })
  })

  test('is nothing else', () => {
    expect(readPreflight('GET', raw)).toBeUndefined()
    expect(readPreflight('OPTIONS', raw.slice(0, 4))).toBeUndefined()
    expect(readPreflight('OPTIONS', raw.slice(4))).toBeUndefined()
  })

  const asked = { origin: ORIGIN, method: 'PUT', headers: 'x-a' }
  const answer = (change: Partial<typeof cors>, methods: string[] = []) =>
    asObject(preflightHeaders({ methods, cors: { ...cors, ...change } }, asked))

  test('by default is allowed what it asks for', () => {
    expect(answer({ allowOrigins: ['*'] })).toEqual({
      vary: 'origin, access-control-request-method, access-control-request-headers',
      'access-control-allow-origin': '*',
      'access-control-allow-methods': 'PUT',
      'access-control-allow-headers': 'x-a',
      'access-control-max-age': '600',
    })
  })

  test('names the origin when origins are listed', () => {
    expect(answer({})).toMatchObject({ 'access-control-allow-origin': ORIGIN })
  })

  test('from another origin gets nothing that allows it', () => {
    const refused = preflightHeaders({ methods: [], cors }, { ...asked, origin: 'https://evil.example' })
    expect(Object.keys(asObject(refused))).toEqual(['vary'])
  })

  test.each([['https://a.example.evil.example'], ['https://a.example:8443'], ['http://a.example'], ['null'], ['']])(
    'origin %j is not one that only looks like it',
    (origin) =>
      expect(asObject(preflightHeaders({ methods: [], cors }, { ...asked, origin }))).not.toHaveProperty(
        'access-control-allow-origin',
      ),
  )

  test('is told the methods of the policy, else those of the route', () => {
    expect(answer({ allowMethods: ['GET', 'POST'] }, ['DELETE'])).toMatchObject({
      'access-control-allow-methods': 'GET, POST',
    })
    expect(answer({}, ['GET', 'DELETE'])).toMatchObject({ 'access-control-allow-methods': 'GET, DELETE' })
    expect(answer({ allowMethods: ['*'] }, ['DELETE'])).toMatchObject({ 'access-control-allow-methods': 'PUT' })
  })

  test('is told the headers of the policy', () => {
    expect(answer({ allowHeaders: ['x-b', 'x-c'] })).toMatchObject({ 'access-control-allow-headers': 'x-b, x-c' })
    expect(answer({ allowHeaders: ['*'] })).toMatchObject({ 'access-control-allow-headers': 'x-a' })
    const none = preflightHeaders({ methods: [], cors }, { ...asked, headers: undefined })
    expect(asObject(none)).not.toHaveProperty('access-control-allow-headers')
  })

  test('may be remembered as long as the policy says', () => {
    expect(answer({ maxAgeSeconds: 0 })).toMatchObject({ 'access-control-max-age': '0' })
  })

  test('with credentials says so', () => {
    expect(answer({ allowCredentials: true })).toMatchObject({ 'access-control-allow-credentials': 'true' })
    expect(answer({})).not.toHaveProperty('access-control-allow-credentials')
  })
})

describe('an answer', () => {
  test('for every origin needs no vary', () => {
    expect(asObject(corsHeaders(defaultCors, ORIGIN))).toEqual({ 'access-control-allow-origin': '*' })
  })

  test('for listed origins varies by origin, allowed or not, so that caches keep them apart', () => {
    expect(asObject(corsHeaders(cors, ORIGIN))).toEqual({ vary: 'origin', 'access-control-allow-origin': ORIGIN })
    expect(asObject(corsHeaders(cors, 'https://evil.example'))).toEqual({ vary: 'origin' })
    expect(asObject(corsHeaders(cors, undefined))).toEqual({ vary: 'origin' })
  })

  test('exposes headers and allows credentials as declared', () => {
    expect(asObject(corsHeaders({ ...cors, exposeHeaders: ['x-a', 'x-b'], allowCredentials: true }, ORIGIN))).toEqual({
      vary: 'origin',
      'access-control-allow-origin': ORIGIN,
      'access-control-allow-credentials': 'true',
      'access-control-expose-headers': 'x-a, x-b',
    })
  })

  test('never allows credentials for every origin', () => {
    const headers = asObject(corsHeaders({ ...defaultCors, allowCredentials: true }, ORIGIN))
    expect(headers).not.toHaveProperty('access-control-allow-credentials')
  })

  test('loses what the function says about it', () => {
    expect(isCorsHeader('access-control-allow-origin')).toBe(true)
    expect(isCorsHeader('vary')).toBe(false)
  })
})

test('headers are found without case, first value first', () => {
  expect(headerOf(['A', '1', 'b', '2', 'a', '3'], 'a')).toBe('1')
  expect(headerOf(['A', '1'], 'b')).toBeUndefined()
})
