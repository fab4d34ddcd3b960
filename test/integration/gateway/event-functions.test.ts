import type { ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { afterEach, expect, test } from '@jest/globals'
import type { ApiGatewayEvent } from '../../../gateway/api-gateway/event.ts'
import { until } from '../../builders/eventually.ts'
import { GatewayWorld } from '../../fakes/gateway-world.ts'
import { wokeUp } from '../../fakes/fake-controller.ts'

let world: GatewayWorld
afterEach(() => world.stop())

const answering =
  (value: unknown, status = 200, headers: Record<string, string> = {}) =>
  (_request: unknown, response: ServerResponse) =>
    void response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value))

test('behind an http Trigger an event function gets an API Gateway event and answers HTTP', async () => {
  world = await GatewayWorld.start({ fn: { signature: 'event' } })
  const result = { statusCode: 201, headers: { 'x-own': '1' }, cookies: ['a=1', 'b=2'], body: 'made' }
  const pod = await world.pod({ script: answering(result) })
  const answer = await fetch(`${world.publicUrl}/a?b=c`, {
    method: 'POST',
    body: '{"n":1}',
    headers: { 'content-type': 'application/json' },
  })
  expect([answer.status, answer.headers.get('x-own'), answer.headers.getSetCookie(), await answer.text()]).toEqual([
    201,
    '1',
    ['a=1', 'b=2'],
    'made',
  ])
  expect(answer.headers.get('dormouse-request-id')).toBe(pod.seen[0]!.headers['dormouse-request-id'])
  const event = JSON.parse(pod.seen[0]!.body.toString()) as ApiGatewayEvent
  expect(event).toMatchObject({
    version: '2.0',
    rawPath: '/a',
    rawQueryString: 'b=c',
    body: '{"n":1}',
    isBase64Encoded: false,
    requestContext: { http: { method: 'POST', sourceIp: '127.0.0.1' } },
  })
  expect(pod.seen[0]).toMatchObject({ method: 'POST', url: '/', headers: { 'content-type': 'application/json' } })
})

test('a Trigger may ask for events and answers of payload format 1.0', async () => {
  world = await GatewayWorld.start({ fn: { signature: 'event' } })
  const [route] = world.gateway.router.snapshot.routes
  await world.setRoutes({ ...route!, payloadFormatVersion: '1.0' })
  const result = { statusCode: 201, multiValueHeaders: { 'Set-Cookie': ['a=1', 'b=2'] }, body: '{"made":true}' }
  const pod = await world.pod({ script: answering(result) })
  const answer = await fetch(`${world.publicUrl}/a?b=c&b=d`, { method: 'POST', body: new URLSearchParams({ n: '1' }) })
  expect([answer.status, answer.headers.getSetCookie(), await answer.json()]).toEqual([
    201,
    ['a=1', 'b=2'],
    { made: true },
  ])
  expect(JSON.parse(pod.seen[0]!.body.toString())).toMatchObject({
    ...{ version: '1.0', httpMethod: 'POST', path: '/a', body: 'n=1', isBase64Encoded: false },
    multiValueQueryStringParameters: { b: ['c', 'd'] },
    requestContext: { identity: { sourceIp: '127.0.0.1' } },
  })
})

test('what a function answers that knows another format is no answer in 1.0, and says why', async () => {
  world = await GatewayWorld.start({ fn: { signature: 'event' } })
  const [route] = world.gateway.router.snapshot.routes
  await world.setRoutes({ ...route!, payloadFormatVersion: '1.0' })
  await world.pod({ script: answering({ hello: 'you' }) })
  const answer = await fetch(world.publicUrl)
  expect([answer.status, await answer.json()]).toEqual([
    502,
    expect.objectContaining({ code: 'bad-answer', detail: expect.stringContaining('an object with statusCode') }),
  ])
})

test.each([
  ['declared', 'hällo', '6'],
  ['chunked', new Blob(['hällo']).stream(), '6'],
  ['declared to be empty', '', '0'],
])('the event has the length of a body that came %s, as API Gateway says it', async (_how, body, length) => {
  world = await GatewayWorld.start({ fn: { signature: 'event' } })
  const pod = await world.pod({ script: answering('ok') })
  await fetch(world.publicUrl, { method: 'POST', body, duplex: 'half', headers: { 'content-type': 'text/plain' } })
  const event = JSON.parse(pod.seen[0]!.body.toString()) as ApiGatewayEvent
  expect(event.headers['content-length']).toBe(length)
  expect(event.headers).not.toHaveProperty('transfer-encoding')
})

// Frameworks drop the body of an answer to HEAD and leave the length that a GET would get.
test.each<[string, object, string | null]>([
  ['says', { headers: { 'Content-Length': '11' }, body: '' }, '11'],
  ['says as a number', { headers: { 'content-length': 11 } }, '11'],
  ['does not say', { body: '' }, null],
  ['says in words', { headers: { 'content-length': 'long' } }, null],
  ['shows, having taken HEAD for GET', { headers: { 'content-length': '99' }, body: 'hello' }, '5'],
])('an answer to HEAD has the length that the function %s', async (_what, result, length) => {
  world = await GatewayWorld.start({ fn: { signature: 'event' } })
  await world.pod({ script: answering({ statusCode: 200, ...result }) })
  const answer = await fetch(world.publicUrl, { method: 'HEAD' })
  expect([answer.status, answer.headers.get('content-length'), await answer.text()]).toEqual([200, length, ''])
})

test('the length of any other answer is that of its body, whatever the function says', async () => {
  world = await GatewayWorld.start({ fn: { signature: 'event' } })
  await world.pod({ script: answering({ statusCode: 200, headers: { 'content-length': '99' }, body: '' }) })
  expect((await fetch(world.publicUrl)).headers.get('content-length')).toBe('0')
})

test('a sleeping event function wakes behind its Trigger, phases in the answer', async () => {
  world = await GatewayWorld.start({ fn: { signature: 'event' } })
  const pod = await world.sleepingPod()
  world.controller.onActivation = () => wokeUp(pod.endpoint)
  expect((await fetch(world.publicUrl)).headers.get('dormouse-cold-start')).toMatch(/^pod=.*total=/)
})

test('a function’s failure is 500 with its error object on both listeners', async () => {
  world = await GatewayWorld.start({ fn: { signature: 'event' } })
  const error = { errorType: 'TypeError', errorMessage: 'x is not a function', trace: [] }
  await world.pod({ script: answering(error, 500, { 'dormouse-error': 'handled' }) })
  for (const url of [world.publicUrl, world.functionUrl]) {
    const answer = await fetch(url)
    expect([answer.status, answer.headers.get('dormouse-error'), await answer.json()]).toEqual([500, 'handled', error])
  }
})

test('a result that is no valid HTTP answer is 502', async () => {
  world = await GatewayWorld.start({ fn: { signature: 'event' } })
  await world.pod({ script: answering({ statusCode: 'lots' }) })
  const answer = await fetch(world.publicUrl)
  expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([502, 'bad-answer'])
})

test('on the internal listener an event is the body as it came, {} without one', async () => {
  world = await GatewayWorld.start({ fn: { signature: 'event' } })
  const pod = await world.pod()
  await fetch(`${world.functionUrl}/ignored`, { method: 'POST', body: '{"a": [1,  2]}' })
  await fetch(world.functionUrl)
  await fetch(world.functionUrl, { method: 'POST', body: new Uint8Array(100_000).fill(32) })
  expect(pod.seen.map(({ method, url, body }) => [method, url, body.length])).toEqual([
    ['POST', '/', 14],
    ['POST', '/', 2],
    ['POST', '/', 100_000],
  ])
  expect(pod.seen.slice(0, 2).map(({ body }) => body.toString())).toEqual(['{"a": [1,  2]}', '{}'])
})

test('a cloudevent passes through as it came', async () => {
  world = await GatewayWorld.start({ fn: { signature: 'cloudevent' } })
  const pod = await world.pod()
  const headers = {
    'ce-id': '1',
    'ce-source': '/x',
    'ce-type': 't',
    'ce-specversion': '1.0',
    'content-type': 'application/json',
  }
  await fetch(world.publicUrl, { method: 'POST', body: '{"n":1}', headers })
  expect(pod.seen[0]).toMatchObject({ method: 'POST', headers })
  expect(pod.seen[0]!.body.toString()).toBe('{"n":1}')
})

test('a client that gives up ends the event function’s call', async () => {
  world = await GatewayWorld.start({ fn: { signature: 'event' } })
  const pod = await world.pod({ script: () => undefined })
  const gone = new AbortController()
  const answer = fetch(world.publicUrl, { signal: gone.signal }).catch(() => undefined)
  await until(() => pod.running === 1)
  gone.abort()
  await answer
  await until(() => pod.aborted === 1)
})

test('invocation types that do not exist are refused with a sentence', async () => {
  world = await GatewayWorld.start({ fn: { signature: 'event' } })
  await world.pod()
  const invoke = (type: string) =>
    fetch(world.functionUrl, { method: 'POST', body: '{}', headers: { 'dormouse-invocation-type': type } })
  expect((await invoke('RequestResponse')).status).toBe(200)
  const answer = await invoke('later')
  expect(answer.status).toBe(400)
  expect(await answer.json()).toMatchObject({
    code: 'invocation-type-unsupported',
    detail: 'expected RequestResponse, Event or DryRun, got later',
  })
})

const streaming =
  (contentType: string, ...chunks: (string | Buffer)[]) =>
  (_request: unknown, response: ServerResponse) => {
    response.writeHead(200, { 'content-type': contentType, trailer: 'dormouse-report' })
    for (const chunk of chunks) response.write(chunk)
    response.end()
  }

test('a streamed answer is the body as it was written', async () => {
  world = await GatewayWorld.start({ fn: { signature: 'event' } })
  await world.pod({ script: streaming('text/csv', 'a,b\n', '1,2\n') })
  const answer = await fetch(world.publicUrl)
  expect([answer.status, answer.headers.get('content-type'), await answer.text()]).toEqual([
    200,
    'text/csv',
    'a,b\n1,2\n',
  ])
})

test('of streamed JSON nothing is taken for the answer of an HTTP API', async () => {
  world = await GatewayWorld.start({ fn: { signature: 'event' } })
  await world.pod({ script: streaming('application/json', '{"statusCode":', '500}') })
  const answer = await fetch(world.publicUrl)
  expect([answer.status, await answer.text()]).toEqual([200, '{"statusCode":500}'])
})

const PRELUDE_TYPE = 'application/vnd.awslambda.http-integration-response'

test('the prelude of a stream says status, headers and cookies', async () => {
  world = await GatewayWorld.start({ fn: { signature: 'event' } })
  const prelude = JSON.stringify({
    statusCode: 201,
    headers: { 'x-own': '1', 'content-type': 'image/x' },
    cookies: ['a=1'],
  })
  const body = Buffer.from([0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2])
  await world.pod({ script: streaming(PRELUDE_TYPE, prelude, Buffer.alloc(8), body) })
  const answer = await fetch(world.publicUrl)
  expect([answer.status, answer.headers.get('x-own'), answer.headers.get('content-type')]).toEqual([
    201,
    '1',
    'image/x',
  ])
  expect(answer.headers.getSetCookie()).toEqual(['a=1'])
  expect(Buffer.from(await answer.arrayBuffer())).toEqual(body)
})

test.each([['{"statusCode":201}'], ['7'], ['{"statusCode":"lots"}']])(
  'a prelude %s that is none is 502',
  async (prelude) => {
    world = await GatewayWorld.start({ fn: { signature: 'event' } })
    const end = prelude === '{"statusCode":201}' ? '' : Buffer.alloc(8)
    await world.pod({ script: streaming(PRELUDE_TYPE, prelude, end, 'body') })
    const answer = await fetch(world.publicUrl)
    expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([502, 'bad-answer'])
  },
)

test.each([['declared'], ['chunked']])('bodies that are held are bounded, all together (%s)', async (how) => {
  world = await GatewayWorld.start({
    fn: { signature: 'event', concurrency: 10 },
    limits: { heldBodyBytes: 1_000_000 },
  })
  const held: ServerResponse[] = []
  const pod = await world.pod({ script: (_, response) => void held.push(response) })
  const post = (signal?: AbortSignal) => {
    const bytes = new Uint8Array(600_000)
    const body = how === 'declared' ? bytes : new Blob([bytes]).stream()
    return fetch(world.publicUrl, { method: 'POST', body, duplex: 'half', ...(signal && { signal }) })
  }
  const leaving = new AbortController()
  const first = post(leaving.signal).catch(() => 'left')
  await until(() => pod.running === 1)
  const second = await post()
  expect([second.status, second.headers.get('retry-after'), ((await second.json()) as { code: string }).code]).toEqual([
    503,
    '1',
    'overloaded',
  ])
  leaving.abort()
  expect(await first).toBe('left')
  await until(() => pod.aborted === 1)
  const third = post()
  await until(() => held.length === 2)
  held[1]!.writeHead(200, { 'content-type': 'application/json' }).end('"taken"')
  expect(await (await third).text()).toBe('taken')
})

test('clients that announce bodies and send nothing take no room from others', async () => {
  world = await GatewayWorld.start({ fn: { signature: 'event' }, limits: { heldBodyBytes: 1_000_000 } })
  await world.pod()
  const { port } = new URL(world.publicUrl)
  const idle = Array.from({ length: 11 }, () => connect({ host: '127.0.0.1', port: Number(port) }))
  await Promise.all(
    idle.map(
      (socket) =>
        new Promise((resolve) => socket.write(`POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 900000\r\n\r\n`, resolve)),
    ),
  )
  const answers = await Promise.all(
    [1, 2, 3].map(() => fetch(world.publicUrl, { method: 'POST', body: 'a'.repeat(300_000) })),
  )
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200])
  for (const socket of idle) socket.destroy()
})
