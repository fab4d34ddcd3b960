import { afterEach, expect, test } from '@jest/globals'
import { request } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { once } from 'node:events'
import { until } from '../../builders/eventually.ts'
import { GatewayWorld } from '../../fakes/gateway-world.ts'

let world: GatewayWorld
afterEach(() => world.stop())

async function call(): Promise<IncomingMessage> {
  const outgoing = request(world.publicUrl, { agent: false, maxHeaderSize: 256 * 1024 })
  outgoing.end()
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
  response.resume()
  await once(response, 'end')
  return response
}

const withHeaders = (count: number) =>
  GatewayWorld.start().then(async (started) => {
    world = started
    await world.pod({
      script: (_request, response) => {
        for (let i = 0; i < count; i++) response.setHeader(`x-${i}`, 'v'.repeat(1_000))
        response.end()
      },
    })
  })

test('a function may answer with as large a head as a client may send', async () => {
  await withHeaders(31)
  const response = await call()
  expect(response.statusCode).toBe(200)
  expect(response.headers['x-30']).toHaveLength(1_000)
})

test('a head beyond that is a 502, and the next request is served', async () => {
  await withHeaders(100)
  expect((await call()).statusCode).toBe(502)
  expect((await call()).statusCode).toBe(502)
})

test('idle connections to pods end by our clock, however long the pod would keep them', async () => {
  world = await GatewayWorld.start({ routing: { podKeepAliveMs: 1_000 } })
  const pod = await world.pod({
    script: (_request, response) => response.setHeader('keep-alive', 'timeout=75').end('x'),
  })
  await Promise.all(Array.from({ length: 5 }, call))
  expect(pod.connections).toBeGreaterThan(0)
  await until(() => pod.connections === 0)
})
