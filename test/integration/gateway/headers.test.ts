import { afterEach, expect, test } from '@jest/globals'
import { feedRoute } from '../../builders/feed.ts'
import { GatewayWorld } from '../../fakes/gateway-world.ts'

let world: GatewayWorld
afterEach(() => world.stop())

const FORGED = {
  'dormouse-key': 'guess',
  'dormouse-deadline-ms': '1',
  'dormouse-request-id': 'mine',
  'dormouse-log-type': 'Tail',
  'dormouse-client-context': 'e30=',
  'dormouse-anything': 'x',
}

test('dormouse-* headers from outside never reach a pod', async () => {
  world = await GatewayWorld.start()
  const pod = await world.pod()
  expect((await fetch(world.publicUrl, { headers: FORGED })).status).toBe(200)
  const { headers } = pod.seen[0]!
  expect(headers['dormouse-key']).toBe(pod.endpoint.dataKey)
  expect(headers['dormouse-request-id']).not.toBe('mine')
  const seen = Object.keys(headers).filter((name) => name.startsWith('dormouse-'))
  expect(seen.sort()).toEqual(['dormouse-deadline-ms', 'dormouse-key', 'dormouse-request-id'])
})

test('inside the cluster log type and client context are passed on, the rest is not', async () => {
  world = await GatewayWorld.start()
  const pod = await world.pod()
  expect((await fetch(world.functionUrl, { headers: FORGED })).status).toBe(200)
  expect(pod.seen[0]!.headers).toMatchObject({ 'dormouse-log-type': 'Tail', 'dormouse-client-context': 'e30=' })
  expect(pod.seen[0]!.headers['dormouse-anything']).toBeUndefined()
})

test('report and log tail stay inside the cluster', async () => {
  world = await GatewayWorld.start()
  const own = { 'dormouse-report': 'duration=1', 'dormouse-log-result': 'bG9n', 'dormouse-error': 'handled' }
  await world.pod({ script: (_request, response) => response.writeHead(500, own).end('{}') })
  const names = async (url: string) =>
    [...(await fetch(url)).headers.keys()].filter((name) => name.startsWith('dormouse-')).sort()
  expect(await names(world.publicUrl)).toEqual(['dormouse-error', 'dormouse-request-id'])
  expect(await names(world.functionUrl)).toEqual([
    'dormouse-error',
    'dormouse-log-result',
    'dormouse-report',
    'dormouse-request-id',
  ])
})

test('a sane request id is kept, another is replaced; every answer carries it', async () => {
  world = await GatewayWorld.start()
  const pod = await world.pod()
  const id = async (sent: string) =>
    (await fetch(world.publicUrl, { headers: { 'x-request-id': sent } })).headers.get('dormouse-request-id')
  expect(await id('order-42')).toBe('order-42')
  expect(await id('x'.repeat(300))).toMatch(/^[0-9a-f-]{36}$/)
  expect(await id('two words')).toMatch(/^[0-9a-f-]{36}$/)
  expect(pod.seen[0]!.headers['dormouse-request-id']).toBe('order-42')
  // The function finds in its logs what its caller has in his, whatever we take for an id.
  expect(pod.seen.map(({ headers }) => headers['x-request-id'])).toEqual(['order-42', 'x'.repeat(300), 'two words'])
  const missing = await fetch(`http://127.0.0.1:${world.ports.internalPort}/none`, { headers: { 'x-request-id': 'a' } })
  expect([missing.status, missing.headers.get('dormouse-request-id')]).toEqual([404, 'a'])
  expect(await missing.json()).toMatchObject({ instance: 'a' })
})

test('trace context is passed on when valid and made when not', async () => {
  world = await GatewayWorld.start()
  const pod = await world.pod()
  const valid = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
  for (const traceparent of [valid, 'nonsense', '00-00000000000000000000000000000000-00f067aa0ba902b7-01'])
    await fetch(world.publicUrl, { headers: { traceparent, tracestate: 'a=b' } })
  const seen = pod.seen.map(({ headers }) => headers['traceparent'])
  expect(seen[0]).toBe(valid)
  for (const made of seen.slice(1)) expect(made).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/)
  expect(pod.seen[0]!.headers['tracestate']).toBe('a=b')
})

test('CORS is the route’s: preflights wake nobody, the function’s own headers are replaced', async () => {
  world = await GatewayWorld.start()
  const pod = await world.pod({
    script: (_request, response) =>
      response.writeHead(200, { 'access-control-allow-origin': 'http://evil', vary: 'accept' }).end(),
  })
  const cors = {
    allowOrigins: ['http://shop.example'],
    allowMethods: ['POST'],
    allowHeaders: ['x-own'],
    exposeHeaders: [],
    allowCredentials: false,
    maxAgeSeconds: 60,
  }
  await world.setRoutes(feedRoute({ cors }))
  const asking = { origin: 'http://shop.example', 'access-control-request-method': 'POST' }
  const preflight = await fetch(world.publicUrl, { method: 'OPTIONS', headers: asking })
  expect([preflight.status, preflight.headers.get('access-control-allow-origin')]).toEqual([204, 'http://shop.example'])
  expect(pod.seen).toEqual([])
  const answer = await fetch(world.publicUrl, { method: 'POST', headers: { origin: 'http://shop.example' } })
  expect(answer.headers.get('access-control-allow-origin')).toBe('http://shop.example')
  expect(answer.headers.get('vary')).toBe('accept, origin')
})

test('a route’s methods are enforced and named', async () => {
  world = await GatewayWorld.start()
  await world.setRoutes(feedRoute({ methods: ['GET'] }))
  const answer = await fetch(world.publicUrl, { method: 'POST' })
  expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET'])
})

test('headers a client may not see cannot break the answer', async () => {
  world = await GatewayWorld.start()
  await world.pod({
    script: (request) =>
      request.socket.write('HTTP/1.1 200 OK\r\nx-own: caf\xe9\r\ncontent-length: 2\r\n\r\nok', 'latin1'),
  })
  const answer = await fetch(world.publicUrl)
  expect([answer.status, answer.headers.get('x-own'), await answer.text()]).toEqual([200, 'café', 'ok'])
})
