import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { toApiGatewayEvent } from '../../../../gateway/api-gateway/event.ts'
import type { HttpRequest } from '../../../../gateway/api-gateway/http-request.ts'

function event(change: Partial<HttpRequest> = {}) {
  return toApiGatewayEvent({
    method: 'GET',
    rawTarget: '/',
    rawHeaders: ['Host', 'api.example.com:8080'],
    body: Buffer.alloc(0),
    sourceIp: '192.0.2.1',
    requestId: 'id-1',
    now: Date.UTC(2020, 2, 2, 9, 3, 58, 390),
    route: { trigger: 'shop/orders' },
    ...change,
  })
}

test('a request becomes an event of payload format 2.0', () => {
  expect(
    event({
      method: 'POST',
      rawTarget: '/my/path?parameter1=value1&parameter1=value2&parameter2=value',
      rawHeaders: [
        'Host',
        'api.example.com',
        'User-Agent',
        'agent',
        'X-A',
        '1',
        'x-a',
        '2',
        'Cookie',
        'c1=1; c2=2',
        'Content-Type',
        'text/plain',
      ],
      body: Buffer.from('Hello'),
    }),
  ).toEqual({
    version: '2.0',
    routeKey: '$default',
    rawPath: '/my/path',
    rawQueryString: 'parameter1=value1&parameter1=value2&parameter2=value',
    cookies: ['c1=1', 'c2=2'],
    headers: { host: 'api.example.com', 'user-agent': 'agent', 'x-a': '1,2', 'content-type': 'text/plain' },
    queryStringParameters: { parameter1: 'value1,value2', parameter2: 'value' },
    requestContext: {
      accountId: '000000000000',
      apiId: 'orders',
      domainName: 'api.example.com',
      domainPrefix: 'api',
      http: { method: 'POST', path: '/my/path', protocol: 'HTTP/1.1', sourceIp: '192.0.2.1', userAgent: 'agent' },
      requestId: 'id-1',
      routeKey: '$default',
      stage: '$default',
      time: '02/Mar/2020:09:03:58 +0000',
      timeEpoch: 1583139838390,
    },
    body: 'Hello',
    isBase64Encoded: false,
  })
})

test('what is not there is absent, not empty', () => {
  const bare = event()
  for (const key of ['cookies', 'queryStringParameters', 'body', 'pathParameters', 'stageVariables']) {
    expect(bare).not.toHaveProperty(key)
  }
  expect(bare).toMatchObject({ rawQueryString: '', isBase64Encoded: false })
  expect(event({ rawTarget: '/?' })).not.toHaveProperty('queryStringParameters')
})

test('the path stays encoded, parameters are decoded', () => {
  const encoded = event({ rawTarget: '/a%20b%2Fc?q=a+b%20c&%C3%A4=%26&empty&=x&bad=%zz' })
  expect(encoded.rawPath).toBe('/a%20b%2Fc')
  expect(encoded.rawQueryString).toBe('q=a+b%20c&%C3%A4=%26&empty&=x&bad=%zz')
  expect(encoded.queryStringParameters).toEqual({ q: 'a b c', ä: '&', empty: '', '': 'x', bad: '%zz' })
})

test('cookies of several headers are one list and no header', () => {
  const cookies = event({ rawHeaders: ['Cookie', 'a=1;b=2 ; ', 'cookie', 'c="x y"'] })
  expect(cookies.cookies).toEqual(['a=1', 'b=2', 'c="x y"'])
  expect(cookies.headers).not.toHaveProperty('cookie')
})

test('headers of the connection and our own do not reach the function', () => {
  const { headers } = event({
    rawHeaders: [
      'Connection',
      'keep-alive',
      'Transfer-Encoding',
      'chunked',
      'Dormouse-Key',
      'secret',
      'X-Ok',
      '1',
      'Content-Length',
      '3',
    ],
  })
  expect(headers).toEqual({ 'x-ok': '1', 'content-length': '3' })
})

test('names that mean something to JavaScript are ordinary', () => {
  const odd = event({ rawHeaders: ['__proto__', 'x', 'constructor', 'y'], rawTarget: '/?__proto__=z' })
  expect(JSON.stringify(odd.headers)).toBe('{"__proto__":"x","constructor":"y"}')
  expect(JSON.stringify(odd.queryStringParameters)).toBe('{"__proto__":"z"}')
})

describe('a body', () => {
  const of = (type: string | undefined, body: string | Buffer, more: string[] = []) => {
    const { body: text, isBase64Encoded } = event({
      body: Buffer.from(body as string),
      rawHeaders: [...(type === undefined ? [] : ['Content-Type', type]), ...more],
    })
    return { body: text, isBase64Encoded }
  }

  test.each([
    'text/plain',
    'text/html; charset=utf-8',
    'TEXT/CSV',
    'application/json',
    'application/json;charset=UTF-8',
    'application/xml',
    'application/javascript',
    'application/vnd.api+json',
    'application/soap+xml',
  ])('of type %s is text', (type) => expect(of(type, 'hällo')).toEqual({ body: 'hällo', isBase64Encoded: false }))

  test.each([
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'image/png',
    'application/octet-stream',
    undefined,
  ])('of type %s is base64', (type) => expect(of(type, 'a=b')).toEqual({ body: 'YT1i', isBase64Encoded: true }))

  test('that is compressed is base64 whatever its type', () => {
    expect(of('application/json', 'a=b', ['Content-Encoding', 'gzip'])).toEqual({ body: 'YT1i', isBase64Encoded: true })
  })

  test('that is not UTF-8 is base64 whatever its type', () => {
    expect(of('text/plain', Buffer.from([0xff, 0xfe]))).toEqual({ body: '//4=', isBase64Encoded: true })
  })

  test('reaches the function byte for byte', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1 }),
        fc.constantFrom('text/plain', 'application/json', 'image/png'),
        (bytes, type) => {
          const { body, isBase64Encoded } = event({ body: Buffer.from(bytes), rawHeaders: ['content-type', type] })
          expect(Buffer.from(body!, isBase64Encoded ? 'base64' : 'utf8')).toEqual(Buffer.from(bytes))
        },
      ),
    )
  })
})

test('hosts without a port, with IPv6, or missing', () => {
  expect(event({ rawHeaders: ['Host', '[::1]:80'] }).requestContext).toMatchObject({
    domainName: '[::1]',
    domainPrefix: '[::1]',
  })
  expect(event({ rawHeaders: [] }).requestContext).toMatchObject({ domainName: '', domainPrefix: '' })
})

test('times are UTC in common log format', () => {
  expect(event({ now: 0 }).requestContext).toMatchObject({ time: '01/Jan/1970:00:00:00 +0000', timeEpoch: 0 })
})
