/** What clients see of a gateway that is told to end, over a way that takes time as between hosts. */
import { Agent, request } from 'undici'
import { createServer, connect, type AddressInfo, type Server, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import type { FakePod } from '../../fakes/fake-pod.ts'
import { GatewayWorld } from '../../fakes/gateway-world.ts'

jest.setTimeout(60_000)

const ONE_WAY_MS = 10
const LINGER_MS = 3_000
const CLIENTS = 24
/** So long a load balancer goes on sending new connections to one that is not ready any more. */
const UNNOTICED_MS = 500

let worlds: GatewayWorld[]
let way: Server
let ways: Set<Socket>
let portOfNewConnections: number

beforeEach(async () => {
  worlds = [await GatewayWorld.start(), await GatewayWorld.start()]
  for (const world of worlds) await world.pod()
  portOfNewConnections = worlds[0]!.ports.publicPort
  ways = new Set()
  way = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => late(socket, portOfNewConnections))
  await new Promise<void>((resolve) => way.listen(0, '127.0.0.1', resolve))
})
afterEach(async () => {
  for (const socket of ways) socket.destroy()
  await new Promise((resolve) => way.close(resolve))
  await Promise.all(worlds.map((world) => world.stop()))
})

function late(near: Socket, port: number): void {
  const far = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
  for (const [from, to] of [
    [near, far],
    [far, near],
  ] as const) {
    ways.add(from)
    from.on('data', (chunk) => setTimeout(() => to.destroyed || to.write(chunk), ONE_WAY_MS))
    from.on('end', () => setTimeout(() => to.destroyed || to.end(), ONE_WAY_MS))
    from.on('error', () => setTimeout(() => to.destroy(), ONE_WAY_MS))
    from.on('close', () => ways.delete(from))
  }
}

/** Keeps its connection as long as it is let, and asks again after a wait that is shorter than the linger. */
async function ask(n: number, untilMs: number): Promise<{ asked: number; failures: string[] }> {
  const url = `http://127.0.0.1:${(way.address() as AddressInfo).port}/`
  const agent = new Agent({ connections: 1, pipelining: 1, keepAliveTimeout: 60_000, keepAliveMaxTimeout: 60_000 })
  const failures: string[] = []
  let asked = 0
  while (performance.now() < untilMs || asked <= 10) {
    asked++
    try {
      // Without a body and not idempotent: undici sends it once.
      const answer = await request(url, { method: 'POST', dispatcher: agent })
      await answer.body.dump()
      if (answer.statusCode !== 200) failures.push(String(answer.statusCode))
    } catch (error) {
      failures.push(String(error))
    }
    await delay((n * 7 + asked * 13) % 120)
  }
  await agent.destroy()
  return { asked, failures }
}

test('no request of a keep-alive client fails, at whatever moment of the drain it is sent', async () => {
  const untilMs = performance.now() + 4_500
  const clients = Array.from({ length: CLIENTS }, (_, n) => ask(n, untilMs))
  await delay(400)
  const [first, second] = worlds as [GatewayWorld, GatewayWorld]
  const stopped = first.gateway.stop({ lingerMs: LINGER_MS, graceMs: 5_000 })
  const ready = await fetch(`${first.managementUrl}/readyz`)
  expect([ready.status, await ready.text()]).toEqual([503, 'draining\n'])
  await delay(UNNOTICED_MS)
  portOfNewConnections = second.ports.publicPort
  await stopped
  const results = await Promise.all(clients)
  expect(results.flatMap(({ failures }) => failures)).toEqual([])
  expect(results.every(({ asked }) => asked > 10)).toBe(true)
  expect(second.pods.flatMap(({ seen }: FakePod) => seen).length).toBeGreaterThan(0)
})
