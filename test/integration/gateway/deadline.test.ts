import { afterEach, expect, test } from '@jest/globals'
import { until } from '../../builders/eventually.ts'
import { GatewayWorld } from '../../fakes/gateway-world.ts'
import { RawClient } from '../../fakes/raw-client.ts'

let world: GatewayWorld
afterEach(() => world.stop())

test('a function that does not answer in time is 504, a little after its own timeout', async () => {
  world = await GatewayWorld.start({ fn: { timeoutMs: 500 }, routing: { graceMs: 100 } })
  const pod = await world.pod({ script: () => undefined })
  const startedAt = performance.now()
  const answer = await fetch(world.publicUrl)
  expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([504, 'deadline-exceeded'])
  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(599)
  await until(() => pod.aborted === 1)
})

test('a pod’s own timeout answer passes through', async () => {
  world = await GatewayWorld.start({ fn: { timeoutMs: 50, signature: 'event' } })
  const error = { errorType: 'Sandbox.Timedout', errorMessage: 'Task timed out after 0.05 seconds' }
  await world.pod({
    script: (_request, response) =>
      setTimeout(() => response.writeHead(500, { 'dormouse-error': 'timeout' }).end(JSON.stringify(error)), 60),
  })
  const answer = await fetch(world.functionUrl, { method: 'POST', body: '{}' })
  expect([answer.status, answer.headers.get('dormouse-error'), await answer.json()]).toEqual([500, 'timeout', error])
})

test('the pod hears the deadline as epoch milliseconds', async () => {
  world = await GatewayWorld.start({ fn: { timeoutMs: 7_000 } })
  const pod = await world.pod()
  const before = Date.now()
  await fetch(world.publicUrl)
  const deadline = Number(pod.seen[0]!.headers['dormouse-deadline-ms'])
  expect(deadline - before).toBeGreaterThanOrEqual(7_000)
  expect(deadline - Date.now()).toBeLessThanOrEqual(7_000)
})

test('an answer that has begun is bounded by the deadline and never ends cleanly', async () => {
  world = await GatewayWorld.start({ fn: { timeoutMs: 1_000 }, routing: { graceMs: 50 } })
  const pod = await world.pod({
    script: (_request, response) => {
      response.writeHead(200)
      const ticks = setInterval(() => response.write('.'), 10)
      response.on('close', () => clearInterval(ticks))
    },
  })
  const client = await RawClient.open(world.ports.publicPort)
  client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  await client.untilClosed()
  expect(client.received).toMatch(/^HTTP\/1\.1 200 /)
  expect(client.received).not.toMatch(/\r\n0\r\n\r\n$/)
  client.close()
  await until(() => pod.running === 0)
})

test('a reader that never takes the end of an answer is cut at the deadline', async () => {
  world = await GatewayWorld.start({ fn: { timeoutMs: 1_000 }, routing: { graceMs: 50 } })
  const pod = await world.pod({ script: (_request, response) => response.end(Buffer.alloc(30 * 1024 * 1024)) })
  const client = await RawClient.open(world.ports.publicPort)
  client.socket.pause()
  client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  await until(() => pod.running === 1)
  await until(() => pod.running === 0)
  expect(world.gateway.router.lane('default/hello')!.inFlight).toBe(0)
  client.close()
})
