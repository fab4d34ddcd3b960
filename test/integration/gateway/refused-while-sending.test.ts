import { afterEach, expect, test } from '@jest/globals'
import { request } from 'node:http'
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

test('HTTP/2 with prior knowledge is refused with a sentence that names it', async () => {
  world = await GatewayWorld.start()
  const client = await open()
  client.send('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\x12\x04\0\0\0\0\0')
  await client.expect(/^HTTP\/1\.1 400 [^]*expected HTTP\/1\.1, got HTTP\/2/)
  client.send('\0\0\0\x04\x01\0\0\0\0')
  await client.untilClosed()
  expect(client.failed).toBeUndefined()
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
