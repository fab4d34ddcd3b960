import { afterEach, expect, test } from '@jest/globals'
import { until } from '../../builders/eventually.ts'
import { wokeUp } from '../../fakes/fake-controller.ts'
import type { PodScript } from '../../fakes/fake-pod.ts'
import { GatewayWorld } from '../../fakes/gateway-world.ts'

let world: GatewayWorld
afterEach(() => world.stop())

const post = (body: string | Uint8Array<ArrayBuffer> = '{"n":1}') => fetch(world.publicUrl, { method: 'POST', body })
const executions = () => world.pods.reduce((sum, pod) => sum + pod.executed, 0)
const replays = async () =>
  (await world.metrics()).match(/gateway_replays_total\{.*reason="([\w-]+)"\} (\d+)/)?.slice(1)

test.each(['busy', 'leaving', 'not-specialized'] as const)(
  'a pod that refuses as %s is not seen by the client',
  async (refuse) => {
    world = await GatewayWorld.start()
    const pods = await Promise.all([world.pod(), world.pod()])
    for (const pod of pods) pod.faults.push({ refuse })
    pods[1].faults.pop()
    const answers = await Promise.all([post(), post()])
    expect(answers.map(({ status }) => status)).toEqual([200, 200])
    expect(executions()).toBe(2)
    expect(await replays()).toEqual([refuse, '1'])
  },
)

test('a pod that was made ready with another data key is not seen by the client', async () => {
  world = await GatewayWorld.start()
  const [other, pod] = [await world.sleepingPod(), await world.sleepingPod()]
  world.controller.addEndpoints({ ...other.endpoint, dataKey: 'of-before' })
  await until(() => world.gateway.router.lane('default/hello')?.podCount === 1)
  const answer = post()
  await until(async () => (await replays()) !== undefined)
  world.controller.addEndpoints(pod.endpoint)
  expect((await answer).status).toBe(200)
  expect(await replays()).toEqual(['not-specialized', '1'])
})

test('a request whose every pod is busy waits until one is free', async () => {
  world = await GatewayWorld.start()
  const pod = await world.pod()
  pod.faults.push({ refuse: 'busy' }, { refuse: 'busy' }, { refuse: 'busy' }, { refuse: 'busy' }, { refuse: 'busy' })
  expect((await post()).status).toBe(200)
  expect(executions()).toBe(1)
})

test('a pod where nobody listens is left out and the request goes elsewhere', async () => {
  world = await GatewayWorld.start()
  const [dead, alive] = [await world.pod(), await world.pod()]
  await dead.kill()
  const answers = await Promise.all(Array.from({ length: 10 }, () => post()))
  expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 200))
  expect(alive.executed).toBe(10)
})

test('100 idle pods killed at once fail no request', async () => {
  world = await GatewayWorld.start()
  const pods = await Promise.all(Array.from({ length: 100 }, () => world.sleepingPod()))
  world.controller.addEndpoints(...pods.map(({ endpoint }) => endpoint))
  await until(() => world.gateway.router.lane('default/hello')!.podCount === 100)
  await Promise.all(Array.from({ length: 200 }, () => post()))
  await Promise.all(pods.slice(1).map((pod) => pod.kill()))
  const answers = await Promise.all(Array.from({ length: 50 }, () => post()))
  expect(answers.filter(({ status }) => status !== 200)).toEqual([])
})

test('a connection that ends before 102 proves nothing ran: the request goes to another pod, body and all', async () => {
  world = await GatewayWorld.start()
  const pods = await Promise.all([world.pod(), world.pod()])
  for (const pod of pods) pod.faults.push('reset-before-ack')
  pods[0].faults.pop()
  const body = new Uint8Array(200 * 1024).fill(7)
  const answers = await Promise.all([post(body), post(body)])
  expect(answers.map(({ status }) => status)).toEqual([200, 200])
  expect(pods.flatMap(({ seen }) => seen.map((request) => request.body.equals(body)))).toEqual([true, true])
  expect(executions()).toBe(2)
})

test('a connection that ends after 102 is a 502 and never runs twice', async () => {
  world = await GatewayWorld.start()
  const pods = await Promise.all([world.pod(), world.pod()])
  for (const pod of pods) pod.faults.push('reset-after-ack')
  const answers = await Promise.all([post(), post()])
  expect(answers.map(({ status }) => status)).toEqual([502, 502])
  expect(pods.map(({ seen }) => seen.length)).toEqual([0, 0])
})

test('a pod that does not acknowledge is never asked twice once the request was sent', async () => {
  world = await GatewayWorld.start()
  const pod = await world.pod({ acknowledges: false })
  pod.faults.push('reset-before-ack')
  expect((await post()).status).toBe(502)
  expect((await post()).status).toBe(200)
})

test('a request that ends every connection unacknowledged is given up after three replays', async () => {
  world = await GatewayWorld.start()
  const pod = await world.pod()
  pod.faults.push('reset-before-ack', 'reset-before-ack', 'reset-before-ack', 'reset-before-ack', 'reset-before-ack')
  expect((await post()).status).toBe(502)
  expect(pod.faults).toHaveLength(1)
})

test('a pod that ends with many connections ends as one: the request waits for another', async () => {
  world = await GatewayWorld.start({ fn: { concurrency: 10 } })
  const together: (() => void)[] = []
  const pod = await world.pod({
    script: (_request, response) => {
      together.push(() => response.end('ok'))
      if (together.length === 8) for (const end of together) end()
    },
  })
  const answers = await Promise.all(Array.from({ length: 8 }, () => post()))
  expect(answers.map(({ status }) => status)).toEqual(Array(8).fill(200))
  expect(pod.connections).toBe(8)
  const other = await world.sleepingPod()
  world.controller.onActivation = () => wokeUp(other.endpoint)
  pod.dieOfNext()
  expect((await post()).status).toBe(200)
  expect(other.executed).toBe(1)
})

test('a body that is too large to be kept is refused with Retry-After instead of being sent again', async () => {
  world = await GatewayWorld.start()
  const pod = await world.pod({ readsBody: false, script: () => undefined })
  let refused = 0
  pod.beforeServing = async (request, response) => {
    // Refuses only once it has seen more than the gateway keeps.
    let seen = 0
    for await (const chunk of request) if ((seen += (chunk as Buffer).length) > 400 * 1024) break
    refused++
    response.writeHead(503, { 'dormouse-refused': 'busy' }).end('{}')
  }
  const answer = await post(new Uint8Array(600 * 1024))
  expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([503, 'pod-refused'])
  expect(answer.headers.get('retry-after')).toBe('1')
  expect(refused).toBe(1)
})

test('a function cannot pretend to refuse: after 102 its answer is its answer', async () => {
  world = await GatewayWorld.start()
  const pod = await world.pod({
    script: (_request, response) => response.writeHead(503, { 'dormouse-refused': 'busy' }).end('mine'),
  })
  const answer = await post()
  expect([answer.status, await answer.text(), answer.headers.get('dormouse-refused')]).toEqual([503, 'mine', null])
  expect(pod.executed).toBe(1)
})

test('a pod whose answer is its last gets no more, though it still listens', async () => {
  world = await GatewayWorld.start({ fn: { concurrency: 1 } })
  const script: PodScript = (_request, response) =>
    response.writeHead(500, { 'dormouse-error': 'unhandled', 'dormouse-leaving': 'true' }).end('{}')
  const ending = await world.pod({ script })
  const other = await world.sleepingPod()
  world.controller.onActivation = () => wokeUp(other.endpoint)
  const [crashed, ...answers] = await Promise.all([post(), post(), post()])
  expect([crashed.status, crashed.headers.get('dormouse-leaving')]).toEqual([500, null])
  expect(answers.map(({ status }) => status)).toEqual([200, 200])
  expect([ending.executed, other.executed]).toEqual([1, 2])
  expect(await replays()).toBeUndefined()
})
