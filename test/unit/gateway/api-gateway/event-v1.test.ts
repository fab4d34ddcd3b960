import { expect, test } from '@jest/globals'
import { toApiGatewayEventV1 } from '../../../../gateway/api-gateway/event-v1.ts'
import type { HttpRequest } from '../../../../gateway/api-gateway/http-request.ts'

function event(change: Partial<HttpRequest> = {}) {
  return toApiGatewayEventV1({
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

test('a request becomes an event of payload format 1.0', () => {
  const rawHeaders = [
    ...['Host', 'api.example.com', 'User-Agent', 'agent', 'X-A', '1', 'x-a', '2', 'Cookie', 'c1=1; c2=2'],
    ...['Connection', 'keep-alive', 'dormouse-key', 'secret'],
  ]
  const query = 'a=1&a=2&b=%20x'
  expect(event({ method: 'POST', rawTarget: `/my%20path?${query}`, rawHeaders, body: Buffer.from('x=1&y=2') })).toEqual(
    {
      version: '1.0',
      resource: '$default',
      path: '/my%20path',
      httpMethod: 'POST',
      headers: { Host: 'api.example.com', 'User-Agent': 'agent', 'X-A': '2', Cookie: 'c1=1; c2=2' },
      multiValueHeaders: {
        ...{ Host: ['api.example.com'], 'User-Agent': ['agent'], 'X-A': ['1', '2'], Cookie: ['c1=1; c2=2'] },
      },
      queryStringParameters: { a: '2', b: ' x' },
      multiValueQueryStringParameters: { a: ['1', '2'], b: [' x'] },
      pathParameters: null,
      stageVariables: null,
      requestContext: {
        accountId: '000000000000',
        apiId: 'orders',
        authorizer: null,
        domainName: 'api.example.com',
        domainPrefix: 'api',
        extendedRequestId: 'id-1',
        httpMethod: 'POST',
        identity: expect.objectContaining({ sourceIp: '192.0.2.1', userAgent: 'agent', user: null, apiKey: null }),
        path: '/my%20path',
        protocol: 'HTTP/1.1',
        requestId: 'id-1',
        requestTime: '02/Mar/2020:09:03:58 +0000',
        requestTimeEpoch: 1583139838390,
        resourceId: null,
        resourcePath: '$default',
        stage: '$default',
      },
      body: 'x=1&y=2',
      isBase64Encoded: false,
    },
  )
})

test('what there is nothing of is null', () => {
  expect(event()).toMatchObject({
    ...{ queryStringParameters: null, multiValueQueryStringParameters: null, body: null, isBase64Encoded: false },
  })
})

test('a body that is no text is base64, whatever it says of itself', () => {
  const body = Buffer.from([0xff, 0x00])
  expect(event({ body, rawHeaders: ['content-type', 'application/json'] })).toMatchObject({
    ...{ body: '/wA=', isBase64Encoded: true },
  })
})

test('names such as __proto__ are ordinary', () => {
  const { headers, queryStringParameters } = event({ rawTarget: '/?__proto__=1', rawHeaders: ['__proto__', 'x'] })
  expect([Object.keys(headers), Object.keys(queryStringParameters ?? {})]).toEqual([['__proto__'], ['__proto__']])
})
