/** Pods that refuse a request and do not end their refusal: what matters has been said with its head. */
import { afterEach, expect, test } from '@jest/globals'
import { until } from '../../builders/eventually.ts'
import { GatewayWorld, type WorldOptions } from '../../fakes/gateway-world.ts'
import { RawPod } from '../../fakes/raw-pod.ts'

let world: GatewayWorld
let pod: RawPod
afterEach(async () => {
  await world.stop()
  await pod.stop()
})

const HEAD = 'HTTP/1.1 503 Service Unavailable\r\nDormouse-Refused: busy\r\n'
const lane = () => world.gateway.router.lane('default/hello')!

/** One pod that says this of every request. */
async function open(refusal: string, options: WorldOptions = {}): Promise<void> {
  world = await GatewayWorld.start(options)
  pod = await RawPod.start((socket) => void socket.write(refusal))
  world.controller.addEndpoints(pod.endpoint)
  await until(() => lane().podCount === 1)
}

test.each([
  ['a length', `${HEAD}Content-Length: 100\r\n\r\n{`],
  ['chunks', `${HEAD}Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n`],
  ['the end of its connection', `${HEAD}\r\n{`],
])('a refusal with %s that does not come goes to another pod all the same', async (_, refusal) => {
  await open(refusal, { fn: { concurrency: 1 } })
  const answers = Array.from({ length: 4 }, () => fetch(world.publicUrl, { method: 'POST', body: '{}' }))
  await until(() => pod.requests > 0)
  const other = await world.pod()
  expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200, 200, 200])
  expect(other.executed).toBe(4)
  await until(() => lane().inFlight === 0)
  await until(() => pod.connections === 0)
})

test('what cannot be sent again is told so, and holds no slot until its deadline', async () => {
  await open(`${HEAD}Content-Length: 100\r\n\r\n{`)
  const large = Buffer.alloc(1024 * 1024)
  const answer = await fetch(world.publicUrl, { method: 'POST', body: large })
  expect(((await answer.json()) as { code: string }).code).toBe('pod-refused')
  expect(lane().inFlight).toBe(0)
})
