import { afterEach, expect, test } from '@jest/globals'
import { until } from '../../builders/eventually.ts'
import type { PodScript } from '../../fakes/fake-pod.ts'
import { GatewayWorld } from '../../fakes/gateway-world.ts'
import { RawClient } from '../../fakes/raw-client.ts'

let world: GatewayWorld
const clients: RawClient[] = []
afterEach(async () => {
  for (const client of clients.splice(0)) client.close()
  await world.stop()
})

async function raw(text: string): Promise<RawClient> {
  const client = await RawClient.open(world.ports.publicPort)
  clients.push(client)
  return client.send(text)
}

const LIMITS = { maxHeaderBytes: 4_096, maxUrlBytes: 1_024 }

test.each([
  [
    'headers larger than the limit',
    `GET / HTTP/1.1\r\nHost: a\r\nX-Big: ${'x'.repeat(8_000)}\r\n\r\n`,
    431,
    'headers-too-large',
  ],
  ['a target over its own limit', `GET /${'x'.repeat(2_000)} HTTP/1.1\r\nHost: a\r\n\r\n`, 414, 'uri-too-long'],
  [
    'a target over the limit of all headers',
    `GET /${'x'.repeat(8_000)} HTTP/1.1\r\nHost: a\r\n\r\n`,
    414,
    'uri-too-long',
  ],
  ['bytes that are not HTTP', '\x16\x03\x01\x02\x00\x01\x00\r\n\r\n', 400, 'bad-request'],
  ['a target that is no path', 'OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n', 400, 'bad-path'],
] as const)('%s are answered with a problem', async (...[, text, status, code]) => {
  world = await GatewayWorld.start({ limits: LIMITS })
  const client = await raw(text)
  const answer = await client.expect(/\}$/)
  expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
  expect(answer).toMatch(/content-type: application\/problem\+json/i)
  expect(answer).toMatch(/dormouse-request-id: [\w-]+/)
  expect(JSON.parse(answer.slice(answer.indexOf('{')))).toMatchObject({ code, status })
})

test.each(['publicPort', 'internalPort'] as const)('CONNECT is answered with a problem at the %s', async (port) => {
  world = await GatewayWorld.start()
  const pod = await world.pod()
  const client = await RawClient.open(world.ports[port])
  clients.push(client)
  client.send('CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\nX-Request-Id: r-1\r\n\r\n')
  await client.expect(/^HTTP\/1\.1 405 Method Not Allowed\r\n[^]*dormouse-request-id: r-1\r\nallow: GET, [^]*\}$/)
  await client.untilClosed()
  expect(client.received).toContain('"code":"method-not-allowed"')
  expect(await world.metrics()).toMatch(/dormouse_gateway_\w+\{code="method-not-allowed"\} 1/)
  expect(pod.seen).toEqual([])
})

test('CONNECT behind a request without an answer yet is not taken for its answer', async () => {
  world = await GatewayWorld.start()
  await world.pod({ script: () => undefined })
  const client = await raw('GET / HTTP/1.1\r\nHost: a\r\n\r\nCONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n')
  await client.untilClosed()
  expect(client.received).toBe('')
})

test.each([
  ['several Host headers', 'Host: a\r\nHost: b\r\n'],
  ['several Host headers, the first one empty', 'Host:\r\nHost: a\r\n'],
  ['no Host header', ''],
  ['no Host header, asking for another protocol', 'Connection: Upgrade\r\nUpgrade: websocket\r\n'],
])('a request with %s is refused with a problem', async (_what, headers) => {
  world = await GatewayWorld.start()
  const pod = await world.pod()
  const client = await raw(`GET / HTTP/1.1\r\n${headers}\r\n`)
  await client.expect(/^HTTP\/1\.1 400 [^]*expected one Host header[^]*\}$/)
  await client.untilClosed()
  expect(pod.seen).toEqual([])
})

test.each(['a/b', 'user@a', 'a b', 'a?x', 'a#x', 'a\\b', '"a"', '<a>'])(
  'a request for the host %s is refused',
  async (host) => {
    world = await GatewayWorld.start()
    const pod = await world.pod()
    const client = await raw(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
    await client.expect(/^HTTP\/1\.1 400 [^]*expected a host and port[^]*\}$/)
    expect(pod.seen).toEqual([])
  },
)

test.each([
  '',
  'A.example',
  'a.example.:80',
  'a:',
  '127.0.0.1:8080',
  '[::1]:80',
  '[fe80::1%25eth0]',
  'a_b',
  'xn--mnchen-3ya',
])('a request for the host %j is served', async (host) => {
  world = await GatewayWorld.start()
  const pod = await world.pod()
  const client = await raw(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
  await client.expect(/^HTTP\/1\.1 200 /)
  expect(pod.seen[0]!.headers.host).toBe(host)
})

// It would come to the function still compressed, and without a word of it.
test.each(['gzip, chunked', 'gzip\r\nTransfer-Encoding: chunked', 'identity, chunked'])(
  'a body with Transfer-Encoding: %s is refused with a problem',
  async (coding) => {
    world = await GatewayWorld.start()
    const pod = await world.pod()
    const client = await raw(`POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: ${coding}\r\n\r\n1\r\nx\r\n0\r\n\r\n`)
    await client.expect(/^HTTP\/1\.1 400 [^]*expected a body that is chunked[^]*\}$/)
    await client.untilClosed()
    expect(pod.seen).toEqual([])
  },
)

test.each(['chunked', 'Chunked', ' chunked '])('a body with Transfer-Encoding: %j is taken', async (coding) => {
  world = await GatewayWorld.start()
  const pod = await world.pod()
  const client = await raw(`POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: ${coding}\r\n\r\n1\r\nx\r\n0\r\n\r\n`)
  await client.expect(/^HTTP\/1\.1 200 [^]*"ok":true/)
  expect(String(pod.seen[0]!.body)).toBe('x')
})

test('HTTP/1.0 knows no Host header', async () => {
  world = await GatewayWorld.start()
  await world.pod()
  const client = await raw('GET / HTTP/1.0\r\n\r\n')
  await client.expect(/^HTTP\/1\.1 200 [^]*"ok":true/)
})

test('a declared body over the limit is refused before it is read', async () => {
  world = await GatewayWorld.start({ limits: { maxBodyBytes: 1_000 } })
  const pod = await world.pod()
  const client = await raw('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n')
  await client.expect(/^HTTP\/1\.1 413 [^]*payload-too-large/)
  expect(pod.seen).toEqual([])
})

test('a chunked body that grows over the limit ends with 413 although it has begun to stream', async () => {
  world = await GatewayWorld.start({ limits: { maxBodyBytes: 100_000 } })
  const pod = await world.pod({ readsBody: false, script: (request) => void request.resume() })
  const client = await raw('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n')
  for (let i = 0; i < 20; i++) client.send(`2710\r\n${'x'.repeat(10_000)}\r\n`)
  await client.expect(/^HTTP\/1\.1 413 [^]*payload-too-large/)
  await until(() => pod.running === 0)
})

test('an event body over 6 MiB is 413', async () => {
  world = await GatewayWorld.start({ fn: { signature: 'event' } })
  await world.pod()
  for (const url of [world.publicUrl, world.functionUrl]) {
    const answer = await fetch(url, { method: 'POST', body: new Uint8Array(6 * 1024 * 1024 + 1) })
    expect(answer.status).toBe(413)
  }
})

test('a client that sends its headers too slowly gets 408', async () => {
  world = await GatewayWorld.start({ limits: { headersTimeoutMs: 200 } })
  const client = await raw('GET / HTTP/1.1\r\nHost:')
  await client.expect(/^HTTP\/1\.1 408 [^]*request-timeout/)
  await client.untilClosed()
})

test('a slow upload of a small body holds no slot', async () => {
  world = await GatewayWorld.start()
  const pod = await world.pod()
  const client = await raw('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345')
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(pod.running).toBe(0)
  expect(world.gateway.router.lane('default/hello')!.inFlight).toBe(0)
  client.send('67890')
  await client.expect(/"ok":true/)
  expect(pod.seen[0]!.body.toString()).toBe('1234567890')
})

test('an upload may take as long as the function’s timeout, beyond the time headers have', async () => {
  world = await GatewayWorld.start({ limits: { headersTimeoutMs: 600 }, fn: { timeoutMs: 10_000 } })
  const pod = await world.pod()
  const client = await raw('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n')
  for (let i = 0; i < 5; i++) {
    client.send('1\r\nx\r\n')
    await new Promise((resolve) => setTimeout(resolve, 300))
  }
  client.send('0\r\n\r\n')
  await client.expect(/"ok":true/)
  expect(pod.seen[0]!.body.toString()).toBe('xxxxx')
})

test('after an answer the connection serves the next request', async () => {
  world = await GatewayWorld.start()
  await world.pod()
  const client = await raw('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  await client.expect(/"ok":true/)
  client.received = ''
  client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}')
  await client.expect(/"ok":true/)
})

test('what cannot be read behind requests that run is answered after them, and takes no answer away', async () => {
  world = await GatewayWorld.start({ fn: { concurrency: 5 } })
  const script: PodScript = ({ url = '' }, response) => {
    response.write(`begun ${url};`)
    setTimeout(() => response.end(`ended ${url};`), 150)
  }
  const pod = await world.pod({ script })
  const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`
  const client = await raw(`${get('/1')}${get('/2')}\x16\x03\x01 garbage\r\n\r\n`)
  await client.untilClosed()
  expect(client.received).toMatch(/200 OK[^]*ended \/1;[^]*200 OK[^]*ended \/2;[^]*HTTP\/1\.1 400 [^]*"bad-request"/)
  const late = await raw(get('/3'))
  await late.expect(/begun \/3/)
  await late.send('garbage\r\n\r\n').send('more\r\n\r\n').untilClosed()
  expect(late.received).toMatch(/ended \/3;[^]*HTTP\/1\.1 400 /)
  await until(() => pod.running === 0)
})
