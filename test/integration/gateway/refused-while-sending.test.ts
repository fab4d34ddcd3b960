import { afterEach, expect, test } from '@jest/globals'
import { once } from 'node:events'
import { request } from 'node:http'
import { connect, constants } from 'node:http2'
import { until } from '../../builders/eventually.ts'
import { GatewayWorld } from '../../fakes/gateway-world.ts'
import { RawClient } from '../../fakes/raw-client.ts'

let world: GatewayWorld
const clients: RawClient[] = []
afterEach(async () => {
  for (const client of clients.splice(0)) client.close()
  await world.stop()
})

async function open(): Promise<RawClient> {
  const client = await RawClient.open(world.ports.publicPort)
  clients.push(client)
  return client
}

test('a client that is still sending its headers reads why they are refused instead of a reset', async () => {
  world = await GatewayWorld.start()
  const client = await open()
  client.send(`GET / HTTP/1.1\r\nHost: a\r\nX-Big: ${'x'.repeat(4 * 1024 * 1024)}`)
  await client.expect(/^HTTP\/1\.1 431 [^]*headers-too-large/)
  await client.untilClosed()
  client.send('x'.repeat(100_000))
  await new Promise((resolve) => setTimeout(resolve, 100))
  expect(client.failed).toBeUndefined()
})

test('an HTTP client that sends far too large headers gets 431, every time', async () => {
  world = await GatewayWorld.start()
  const statuses = await Promise.all(
    Array.from(
      { length: 20 },
      () =>
        new Promise((resolve) => {
          const outgoing = request(world.publicUrl, { agent: false, headers: { 'x-big': 'x'.repeat(2 * 1024 * 1024) } })
          outgoing.on('response', ({ statusCode }) => resolve(statusCode))
          outgoing.on('error', (error) => resolve(error.message))
          outgoing.end()
        }),
    ),
  )
  expect(statuses).toEqual(Array.from({ length: 20 }, () => 431))
})

test('HTTP/2 with prior knowledge is refused in its own words: HTTP/1.1 required', async () => {
  world = await GatewayWorld.start()
  const session = connect(world.publicUrl)
  session.on('error', () => undefined)
  const stream = session.request({ ':path': '/' })
  stream.on('error', () => undefined)
  const [code] = (await once(session, 'goaway')) as [number]
  expect(code).toBe(constants.NGHTTP2_HTTP_1_1_REQUIRED)
  session.destroy()
})

test('a client that never stops is cut a little later', async () => {
  world = await GatewayWorld.start()
  const client = await open()
  client.send(`nonsense\r\n\r\n`)
  await client.expect(/^HTTP\/1\.1 400 /)
  const more = setInterval(() => client.send('more'), 50)
  while (client.failed === undefined && !client.closed) await new Promise((resolve) => setTimeout(resolve, 20))
  clearInterval(more)
})

/** Sends for three seconds without a look at what has come, as most clients do, and then reads. */
async function sendAndRead(path: string): Promise<RawClient> {
  const client = await open()
  client.socket.pause()
  client.send(`POST ${path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n`)
  for (let sent = 0; sent < 30; sent++) {
    client.send(`5\r\nbytes\r\n`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  client.send('0\r\n\r\n')
  await new Promise((resolve) => setTimeout(resolve, 100))
  client.socket.resume()
  await client.untilClosed()
  return client
}

test('a client that sends on for long after it is answered reads its answer when it has sent all', async () => {
  world = await GatewayWorld.start()
  await world.pod({ readsBody: false, script: (_, response) => response.writeHead(413).end('too much') })
  const byFunction = await sendAndRead('/')
  expect(byFunction.failed).toBeUndefined()
  expect(byFunction.received).toMatch(/^HTTP\/1\.1 413 [^]*too much/)
})

test('so does one that the gateway refuses', async () => {
  world = await GatewayWorld.start()
  world.controller.setRoutes()
  const refused = await sendAndRead('/elsewhere')
  expect(refused.failed).toBeUndefined()
  expect(refused.received).toMatch(/^HTTP\/1\.1 404 /)
})

test('a client that is answered and neither sends nor ends what it sends is cut a little later', async () => {
  world = await GatewayWorld.start()
  await world.pod({ readsBody: false, script: (_, response) => response.end('early') })
  const client = await open()
  client.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nabc`)
  await client.expect(/early/)
  await client.untilClosed()
  await new Promise((resolve) => setTimeout(resolve, 4_500))
  await until(() => {
    if (!client.closed) client.send('d')
    return client.failed !== undefined
  })
})
