import { afterEach, expect, test } from '@jest/globals'
import { once } from 'node:events'
import { request } from 'node:http'
import { connect, constants } from 'node:http2'
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
