import { afterEach, expect, test } from '@jest/globals'
import { later, wokeUp, FakeController } from '../../fakes/fake-controller.ts'
import { until } from '../../builders/eventually.ts'
import { GatewayWorld } from '../../fakes/gateway-world.ts'
import { feedFunction } from '../../builders/feed.ts'
import { rendezvousOrder } from '../../../routing/controller-client.ts'

let world: GatewayWorld
afterEach(() => world.stop())

const codeOf = async (answer: Response) => ((await answer.json()) as { code: string }).code

test('a sleeping function wakes: the activation’s pod serves before the feed brings it, with phases in the answer', async () => {
  world = await GatewayWorld.start()
  const pod = await world.sleepingPod()
  world.controller.onActivation = () => wokeUp(pod.endpoint)
  const answer = await fetch(world.publicUrl)
  expect(answer.status).toBe(200)
  expect(answer.headers.get('dormouse-cold-start')).toMatch(
    /^pod=0\.0,specialize=5\.0,init=2\.0,wait=[\d.]+,first-byte=[\d.]+,total=[\d.]+$/,
  )
  const warm = await fetch(world.publicUrl)
  expect(warm.headers.get('dormouse-cold-start')).toBeNull()
  expect(world.controller.activations).toHaveLength(1)
})

test('100 requests that arrive together are one activation with the true queue length', async () => {
  world = await GatewayWorld.start({ fn: { concurrency: 100 } })
  const pod = await world.sleepingPod()
  world.controller.onActivation = () => later(50, wokeUp(pod.endpoint))
  const answers = await Promise.all(Array.from({ length: 100 }, () => fetch(world.publicUrl)))
  expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 100 }, () => 200))
  expect(world.controller.activations.length).toBeLessThanOrEqual(2)
  expect(pod.seen).toHaveLength(100)
})

test('those who wait are served the moment other pods arrive through the feed', async () => {
  world = await GatewayWorld.start({ fn: { concurrency: 1 } })
  world.controller.onActivation = () => new Promise(() => undefined)
  const answers = [fetch(world.publicUrl), fetch(world.publicUrl)]
  await until(() => world.controller.activations.length === 1)
  const startedAt = performance.now()
  await Promise.all([world.pod(), world.pod()])
  expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200])
  expect(performance.now() - startedAt).toBeLessThan(5_000)
})

test('a function that cannot run answers what the controller says, with its code', async () => {
  world = await GatewayWorld.start()
  world.controller.onActivation = () => ({ outcome: 'failed', code: 'code-load-failed', message: 'SyntaxError: x' })
  const answer = await fetch(world.publicUrl)
  expect(answer.status).toBe(502)
  expect(await answer.json()).toMatchObject({ code: 'code-load-failed', detail: 'SyntaxError: x' })
})

test('Retry-After is what the controller says, in whole seconds', async () => {
  world = await GatewayWorld.start()
  const failed = { outcome: 'failed', code: 'brand-new-code', message: 'no', retryAfterMs: 4_200 } as const
  world.controller.onActivation = () => failed
  const answer = await fetch(world.publicUrl)
  expect([answer.status, answer.headers.get('retry-after'), await codeOf(answer)]).toEqual([503, '5', 'cannot-wake'])
})

test('a broken function answers why without asking the controller', async () => {
  world = await GatewayWorld.start({ fn: { broken: { code: 'code-load-failed', message: 'no export handler' } } })
  const answer = await fetch(world.publicUrl)
  expect(await answer.json()).toMatchObject({ code: 'code-load-failed', detail: 'no export handler' })
  expect(world.controller.activations).toEqual([])
})

test('when no pod comes in time the answer is 503 with Retry-After', async () => {
  world = await GatewayWorld.start({ limits: { waitLimitMs: 150 } })
  const answer = await fetch(world.publicUrl)
  expect([answer.status, await codeOf(answer)]).toEqual([503, 'cannot-wake'])
  expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
})

test('a sleeping function without any controller is 503 with Retry-After, a warm one goes on', async () => {
  world = await GatewayWorld.start({ limits: { waitLimitMs: 200 } })
  const pod = await world.pod()
  await world.controller.stop()
  await until(() => !world.gateway.router.feed.connected)
  expect((await fetch(world.publicUrl)).status).toBe(200)
  expect((await fetch(`${world.managementUrl}/readyz`)).status).toBe(200)
  await pod.kill()
  const answer = await fetch(world.publicUrl)
  expect(answer.status).toBe(503)
  expect(await answer.json()).toMatchObject({
    code: 'cannot-wake',
    detail: expect.stringContaining('cannot be reached'),
  })
})

test('a controller that comes back while requests wait serves them', async () => {
  world = await GatewayWorld.start()
  const pod = await world.sleepingPod()
  world.controller.onActivation = () => wokeUp(pod.endpoint)
  await world.controller.stop()
  const answer = fetch(world.publicUrl)
  await new Promise((resolve) => setTimeout(resolve, 150))
  await world.controller.listen()
  expect((await answer).status).toBe(200)
})

test('another replica is asked when the first does not answer', async () => {
  const second = await FakeController.start()
  world = await GatewayWorld.start({ moreControllers: [second] })
  const pod = await world.sleepingPod()
  second.onActivation = world.controller.onActivation = () => wokeUp(pod.endpoint)
  await world.controller.stop()
  expect((await fetch(world.functionUrl)).status).toBe(200)
})

test.each([
  ['the first', 'the second'],
  ['the second', 'the first'],
])('while %s replica is frozen, as on a node that is gone, %s wakes in its place', async (frozen) => {
  const second = await FakeController.start()
  world = await GatewayWorld.start({ moreControllers: [second], routing: { loadIntervalMs: 50 } })
  const pod = await world.sleepingPod()
  second.onActivation = world.controller.onActivation = () => wokeUp(pod.endpoint)
  const [cold, awake] = frozen === 'the first' ? [world.controller, second] : [second, world.controller]
  cold.freeze()
  const started = performance.now()
  expect((await fetch(world.functionUrl)).status).toBe(200)
  // Before an activation's own limit of 11 s.
  expect(performance.now() - started).toBeLessThan(9_000)
  expect(awake.activations).toHaveLength(1)
})

test('a replica that thaws is asked as before', async () => {
  const second = await FakeController.start()
  world = await GatewayWorld.start({ moreControllers: [second], routing: { loadIntervalMs: 50 } })
  const urls = [world.controller.url, second.url]
  const [responsible] = rendezvousOrder(urls, 'default/hello')
  const [first, other] = responsible === second.url ? [second, world.controller] : [world.controller, second]
  first.freeze()
  const pod = await world.sleepingPod()
  first.onActivation = other.onActivation = () => wokeUp(pod.endpoint)
  expect((await fetch(world.functionUrl)).status).toBe(200)
  first.thaw()
  const reports = first.reports.length
  await until(() => first.reports.length > reports)
  await pod.stop()
  first.removeEndpoint(pod.endpoint.id)
  other.removeEndpoint(pod.endpoint.id)
  const next = await world.sleepingPod()
  const [asked, spared] = [first.activations.length, other.activations.length]
  first.onActivation = other.onActivation = () => wokeUp(next.endpoint)
  expect((await fetch(world.functionUrl)).status).toBe(200)
  expect([first.activations.length > asked, other.activations.length]).toEqual([true, spared])
})

test('what a frozen replica does not tell is heard from the other, long before its feed counts as dead', async () => {
  const second = await FakeController.start()
  world = await GatewayWorld.start({
    moreControllers: [second],
    routing: { loadIntervalMs: 50, feedSilenceMs: 60_000 },
  })
  const [followed, other] = world.controller.feeds === 1 ? [world.controller, second] : [second, world.controller]
  followed.freeze()
  other.setFunctions(feedFunction({ key: 'default/news' }))
  await until(() => world.gateway.router.lane('default/news') !== undefined)
  expect([followed.feedsOpened, other.feedsOpened]).toEqual([1, 1])
})

test('a full queue is 429 with Retry-After', async () => {
  world = await GatewayWorld.start({ limits: { queueLimit: 2, waitLimitMs: 1_500 } })
  const answers = await Promise.all([1, 2, 3].map(() => fetch(world.publicUrl)))
  expect(answers.map(({ status }) => status).sort()).toEqual([429, 503, 503])
  const full = answers.find(({ status }) => status === 429)!
  expect([await codeOf(full), full.headers.get('retry-after')]).toEqual(['queue-full', '1'])
})

test('a function deleted while requests wait answers them 404', async () => {
  world = await GatewayWorld.start()
  world.controller.onActivation = () => later(1_000, { outcome: 'at-capacity' as const })
  const answer = fetch(world.functionUrl)
  await until(() => world.controller.activations.length === 1)
  world.controller.removeFunction('default/hello')
  expect([(await answer).status, await codeOf(await answer)]).toEqual([404, 'unknown-function'])
})

test('a new revision serves those who waited for the old one', async () => {
  world = await GatewayWorld.start()
  world.controller.onActivation = () => later(2_000, { outcome: 'at-capacity' as const })
  const answer = fetch(world.functionUrl)
  await until(() => world.controller.activations.length === 1)
  world.controller.setFunctions(feedFunction({ revision: 'r2' }))
  await world.pod({ revision: 'r2' })
  expect((await answer).status).toBe(200)
})

test('a waiting client that goes away leaves the queue', async () => {
  world = await GatewayWorld.start()
  const gone = new AbortController()
  const answer = fetch(world.functionUrl, { signal: gone.signal }).catch(() => 'gone')
  await until(() => world.gateway.router.lane('default/hello')!.queued === 1)
  gone.abort()
  await until(() => world.gateway.router.lane('default/hello')!.queued === 0)
  expect(await answer).toBe('gone')
})
