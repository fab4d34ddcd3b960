import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { afterEach, expect, test } from '@jest/globals'
import { WebSocket, WebSocketServer } from 'ws'
import { wokeUp } from '../../fakes/fake-controller.ts'
import { until } from '../../builders/eventually.ts'
import { GatewayWorld } from '../../fakes/gateway-world.ts'
import { RawClient } from '../../fakes/raw-client.ts'

let world: GatewayWorld
const clients: (RawClient | WebSocket)[] = []
afterEach(async () => {
  for (const client of clients.splice(0)) {
    if (client instanceof RawClient) client.close()
    else client.terminate()
  }
  await world.stop()
})

const echo = new WebSocketServer({ noServer: true, handleProtocols: () => 'chat' })
echo.on('connection', (socket) => socket.on('message', (data, binary) => socket.send(data, { binary })))
const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) =>
  echo.handleUpgrade(request, socket, head, (client) => echo.emit('connection', client, request))

function open(url = world.publicUrl): WebSocket {
  const client = new WebSocket(url.replace('http', 'ws') + '/chat?room=1', ['chat'])
  client.on('error', () => undefined)
  clients.push(client)
  return client
}
const say = async (client: WebSocket, text: string | Buffer) => {
  client.send(text)
  const [data] = (await once(client, 'message')) as [Buffer]
  return data
}

const lane = () => world.gateway.router.lane('default/hello')!

test('a WebSocket works end to end, counts as a slot, and gives it back', async () => {
  world = await GatewayWorld.start()
  const pod = await world.pod({ onUpgrade })
  const client = open()
  await once(client, 'open')
  expect(client.protocol).toBe('chat')
  expect((await say(client, 'hello')).toString()).toBe('hello')
  const large = Buffer.alloc(5 * 1024 * 1024, 'x')
  expect((await say(client, large)).equals(large)).toBe(true)
  expect(lane().inFlight).toBe(1)
  expect(await world.metrics()).toContain('dormouse_gateway_upgrades_open{function="default/hello"} 1')
  client.close(4001, 'bye')
  const [code, reason] = (await once(client, 'close')) as [number, Buffer]
  expect([code, reason.toString()]).toEqual([4001, 'bye'])
  await until(() => lane().inFlight === 0)
  expect(pod.seen[0]).toMatchObject({ url: '/chat?room=1', headers: { 'x-forwarded-for': '127.0.0.1' } })
  expect(pod.seen[0]!.headers['dormouse-key']).toBe(pod.endpoint.dataKey)
})

test('a WebSocket wakes a sleeping function and outlives its timeout', async () => {
  world = await GatewayWorld.start({ fn: { timeoutMs: 1_000 }, routing: { graceMs: 20 } })
  const pod = await world.sleepingPod({ onUpgrade })
  world.controller.onActivation = () => wokeUp(pod.endpoint)
  const client = open(world.functionUrl)
  await once(client, 'open')
  await new Promise((resolve) => setTimeout(resolve, 1_200))
  expect((await say(client, 'still here')).toString()).toBe('still here')
})

test('an upgrade is sent to another pod when the first refuses or ends before it answers', async () => {
  world = await GatewayWorld.start()
  const pods = await Promise.all([world.pod({ onUpgrade }), world.pod({ onUpgrade }), world.pod({ onUpgrade })])
  pods[0].faults.push({ refuse: 'leaving' })
  pods[1].faults.push('reset-before-ack')
  await pods[2].kill()
  const spare = await world.pod({ onUpgrade })
  const opened = [open(), open(), open(), open()]
  await Promise.all(opened.map((client) => once(client, 'open')))
  expect(spare.executed + pods[0].executed + pods[1].executed).toBe(4)
})

test('a handshake the function does not answer is 504', async () => {
  world = await GatewayWorld.start({ fn: { timeoutMs: 50 }, routing: { graceMs: 20 } })
  await world.pod({ onUpgrade: () => undefined })
  const client = open()
  const [, answer] = (await once(client, 'unexpected-response')) as [unknown, { statusCode: number }]
  expect(answer.statusCode).toBe(504)
})

test('an answer other than 101 reaches the client as it is', async () => {
  world = await GatewayWorld.start()
  await world.pod({
    onUpgrade: (_request, socket) => socket.end('HTTP/1.1 401 No\r\nx-why: token\r\ncontent-length: 4\r\n\r\nlost'),
  })
  const client = await RawClient.open(world.ports.publicPort)
  clients.push(client)
  client.send('GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
  await client.expect(/^HTTP\/1\.1 401 [^]*x-why: token[^]*lost$/)
  await client.untilClosed()
})

test('functions that are not http, and unknown ones, answer an upgrade with a problem', async () => {
  world = await GatewayWorld.start({ fn: { signature: 'event' } })
  const ask = async (path: string) => {
    const client = await RawClient.open(world.ports.internalPort)
    clients.push(client)
    client.send(`GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`)
    return client.expect(/\}$/)
  }
  expect(await ask('/fn/default/hello')).toMatch(/^HTTP\/1\.1 400 [^]*upgrade-not-supported/)
  expect(await ask('/fn/default/none')).toMatch(/^HTTP\/1\.1 404 [^]*unknown-function/)
})

test('an offer to switch to HTTP/2 is ignored and the request served', async () => {
  world = await GatewayWorld.start()
  await world.pod({ onUpgrade })
  const client = await RawClient.open(world.ports.publicPort)
  clients.push(client)
  client.send(
    'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAA\r\n\r\n',
  )
  await client.expect(/^HTTP\/1\.1 200 [^]*"ok":true/)
})

test.each(['TLS/1.2', 'tls/1.3', 'TLS/1.2, HTTP/1.1', 'h2c, TLS/1.2'])(
  'an offer to switch to %s, which Java clients make with ordinary requests, is ignored and the request served, body and all',
  async (offer) => {
    world = await GatewayWorld.start()
    const pod = await world.pod({ onUpgrade })
    const client = await RawClient.open(world.ports.publicPort)
    clients.push(client)
    const head = `POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: ${offer}\r\nContent-Length: 2\r\n\r\n`
    for (const body of ['{}', '[]']) {
      client.received = ''
      await client.send(head + body).expect(/^HTTP\/1\.1 200 [^]*"ok":true/)
    }
    expect(pod.seen.map(({ body, headers }) => [String(body), headers['upgrade']])).toEqual([
      ['{}', undefined],
      ['[]', undefined],
    ])
  },
)

test('an upgrade that is sent behind a request which has no answer yet is answered in its turn, as an ordinary request', async () => {
  world = await GatewayWorld.start()
  const pod = await world.pod({
    onUpgrade,
    script: (_request, response) => void setTimeout(() => response.end('{"ok":true}'), 50),
  })
  const client = await RawClient.open(world.ports.publicPort)
  clients.push(client)
  const upgrade = 'GET /second HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'
  client.send(`GET /first HTTP/1.1\r\nHost: a\r\n\r\n${upgrade}`)
  await client.expect(/"ok":true[^]*"ok":true/)
  client.send('GET /third HTTP/1.1\r\nHost: a\r\n\r\n')
  await client.expect(/"ok":true[^]*"ok":true[^]*"ok":true/)
  expect(client.received.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 200', 'HTTP/1.1 200'])
  expect(pod.seen.map(({ url }) => url)).toEqual(['/first', '/second', '/third'])
})

const raw101 = 'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: lines\r\n\r\n'
async function rawUpgraded(handle: (socket: Socket) => void): Promise<RawClient> {
  world = await GatewayWorld.start()
  await world.pod({
    onUpgrade: (_request, socket) => {
      socket.write(raw101)
      socket.on('error', () => undefined)
      handle(socket as Socket)
    },
  })
  const client = await RawClient.open(world.ports.publicPort)
  clients.push(client)
  client.send('GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: lines\r\n\r\nearly')
  await client.expect(/^HTTP\/1\.1 101 [^]*\r\n\r\n/)
  return client
}

test('half-close passes both ways: an end is an end, not a cut', async () => {
  let heard = ''
  const client = await rawUpgraded((socket) => {
    socket.on('data', (chunk) => (heard += String(chunk)))
    socket.on('end', () => setTimeout(() => socket.end(`heard ${heard}`), 30))
  })
  client.send(' and late')
  client.socket.end()
  await client.expect(/heard early and late$/)
  await until(() => lane().inFlight === 0)
})

test('the pod may end its side first and still hear the client', async () => {
  let heard = ''
  const client = await rawUpgraded((socket) => {
    socket.end('last words')
    socket.on('data', (chunk) => (heard += String(chunk)))
  })
  await client.expect(/last words$/)
  await until(() => client.ended)
  client.send('-reply')
  await until(() => heard === 'early-reply')
})

test('an abrupt end on one side ends the other', async () => {
  let podSocket: Socket | undefined
  const client = await rawUpgraded((socket) => (podSocket = socket))
  podSocket!.resetAndDestroy()
  await client.untilClosed()
  await until(() => lane().inFlight === 0)
})

test('a client that vanishes is heard of by the pod', async () => {
  let closed = false
  const client = await rawUpgraded((socket) => socket.on('close', () => (closed = true)))
  client.socket.resetAndDestroy()
  await until(() => closed)
  await until(() => lane().inFlight === 0)
})

test('a receiver that stops reading holds up the sender', async () => {
  let sent = 0
  const client = await rawUpgraded((socket) => {
    const chunk = Buffer.alloc(64 * 1024)
    const more = () => {
      while (sent < 200 * 1024 * 1024) {
        sent += chunk.length
        if (!socket.write(chunk)) return void socket.once('drain', more)
      }
    }
    setTimeout(more, 50)
  })
  client.socket.pause()
  await until(() => sent > 0)
  await new Promise((resolve) => setTimeout(resolve, 500))
  expect(sent).toBeLessThan(40 * 1024 * 1024)
})

test('open WebSockets may finish while the gateway drains, and are cut after the grace', async () => {
  world = await GatewayWorld.start()
  await world.pod({ onUpgrade })
  const client = open()
  await once(client, 'open')
  const stopped = world.stop(2_000)
  await new Promise((resolve) => setTimeout(resolve, 100))
  expect((await say(client, 'still')).toString()).toBe('still')
  const closed = once(client, 'close')
  await stopped
  await closed
})

test('silence longer than allowed ends an upgraded connection', async () => {
  world = await GatewayWorld.start({ limits: { upgradeIdleMs: 100 } })
  await world.pod({ onUpgrade })
  const client = open()
  await once(client, 'open')
  await once(client, 'close')
  await until(() => lane().inFlight === 0)
})

test('a client that gives up while its function wakes leaves the queue at once', async () => {
  world = await GatewayWorld.start()
  const client = open()
  await until(() => lane().queued === 1)
  client.terminate()
  await until(() => lane().queued === 0)
})

test('a handshake that is under way does not hold up the end', async () => {
  world = await GatewayWorld.start({ fn: { timeoutMs: 60_000 } })
  const pod = await world.pod({ onUpgrade: () => undefined })
  const client = open()
  await until(() => pod.running === 1)
  const startedAt = performance.now()
  await world.stop(100)
  expect(performance.now() - startedAt).toBeLessThan(10_000)
  await until(() => client.readyState === WebSocket.CLOSED)
})

test('a refused upgrade leaves no connection behind, whatever its client goes on to do', async () => {
  world = await GatewayWorld.start()
  const refused = async (then: (client: RawClient) => void) => {
    const client = await RawClient.open(world.ports.internalPort)
    clients.push(client)
    client.send('GET /nope HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
    await client.expect(/^HTTP\/1\.1 404 /)
    then(client)
    return client
  }
  const talking = await refused((client) => client.send('x'.repeat(100_000)).socket.end())
  const silent = await refused(() => undefined)
  await until(() => talking.closed)
  // Its own end stays open: it is cut.
  await until(() => silent.ended)
  silent.send('still there?')
  await until(() => {
    silent.send('?')
    return silent.closed
  })
})
