/** What a function learns of the way its request came, by who says so. Clients here are on loopback: a trusted proxy is one that 127.0.0.0/8 has. */
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { afterEach, expect, test } from '@jest/globals'
import { WebSocket } from 'ws'
import type { ApiGatewayEvent } from '../../../gateway/api-gateway/event.ts'
import { trustedProxies } from '../../../gateway/proxy/trusted-proxies.ts'
import { GatewayWorld } from '../../fakes/gateway-world.ts'

let world: GatewayWorld
afterEach(() => world.stop())

const SAID = {
  'x-forwarded-for': '203.0.113.9',
  'x-forwarded-proto': 'https',
  'x-forwarded-host': 'shop.example',
  'x-forwarded-port': '443',
  forwarded: 'for=203.0.113.9',
}
const LOAD_BALANCER = ['127.0.0.0/8']
const NOBODY: string[] = []

const asEvent = (_request: unknown, response: ServerResponse) =>
  void response.writeHead(200, { 'content-type': 'application/json' }).end('{}')

test.each([
  ['the client that a trusted proxy names', LOAD_BALANCER, ['203.0.113.9', '203.0.113.9, 127.0.0.1', 'https']],
  ['the peer where nobody is trusted', NOBODY, ['127.0.0.1', '127.0.0.1', 'http']],
] as const)('an event function has as its source %s', async (_who, ranges, [sourceIp, forwardedFor, proto]) => {
  world = await GatewayWorld.start({ fn: { signature: 'event' }, proxies: trustedProxies(ranges) })
  const pod = await world.pod({ script: asEvent })
  await fetch(`${world.publicUrl}/`, { headers: SAID })
  const event = JSON.parse(pod.seen[0]!.body.toString()) as ApiGatewayEvent
  expect(event.requestContext.http.sourceIp).toBe(sourceIp)
  expect(event.headers).toMatchObject({ 'x-forwarded-for': forwardedFor, 'x-forwarded-proto': proto })
})

test('an http function gets none of what a client makes up, and all that a trusted proxy says', async () => {
  world = await GatewayWorld.start({ proxies: trustedProxies(NOBODY) })
  const pod = await world.pod()
  await fetch(`${world.publicUrl}/`, { headers: SAID })
  const host = new URL(world.publicUrl).host
  const { headers } = pod.seen[0]!
  expect(headers).toMatchObject({
    'x-forwarded-for': '127.0.0.1',
    'x-forwarded-proto': 'http',
    'x-forwarded-host': host,
  })
  expect([headers['x-forwarded-port'], headers['forwarded']]).toEqual([undefined, undefined])
  await world.stop()
  world = await GatewayWorld.start({ proxies: trustedProxies(LOAD_BALANCER) })
  const other = await world.pod()
  await fetch(`${world.publicUrl}/`, { headers: SAID })
  expect(other.seen[0]!.headers).toMatchObject({ ...SAID, 'x-forwarded-for': '203.0.113.9, 127.0.0.1' })
})

test('an upgrade is told no more than a request', async () => {
  world = await GatewayWorld.start({ proxies: trustedProxies(NOBODY) })
  const pod = await world.pod()
  const client = new WebSocket(world.publicUrl.replace('http', 'ws'), { headers: SAID })
  await once(client, 'error')
  expect(pod.seen[0]!.headers).toMatchObject({ 'x-forwarded-for': '127.0.0.1', 'x-forwarded-proto': 'http' })
})

test('inside the cluster functions speak for each other', async () => {
  world = await GatewayWorld.start({ proxies: trustedProxies(NOBODY) })
  const pod = await world.pod()
  await fetch(`${world.internalUrl}/fn/default/hello`, { headers: SAID })
  expect(pod.seen[0]!.headers['x-forwarded-for']).toBe('203.0.113.9, 127.0.0.1')
})
