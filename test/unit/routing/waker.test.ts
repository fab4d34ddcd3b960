import { expect, test } from '@jest/globals'
import type { ActivationAnswer, ActivationRequest, FeedFunction } from '../../../api/protocol.ts'
import { silentLogger } from '../../../lib/logger.ts'
import { rendezvousOrder } from '../../../routing/controller-client.ts'
import { Lane } from '../../../routing/lane.ts'
import { Waker } from '../../../routing/waker.ts'
import { feedEndpoint, feedFunction } from '../../builders/feed.ts'
import { FakeClock } from '../../fakes/fake-clock.ts'
import { Waiting } from '../../fakes/waiting.ts'

const settle = () => new Promise((resolve) => setImmediate(resolve))
const atCapacity: ActivationAnswer = { outcome: 'at-capacity' }
const brings = (id: string): ActivationAnswer => ({
  outcome: 'endpoint',
  endpoint: feedEndpoint({ id }),
  source: 'pool',
  phases: { podMs: 0, specializeMs: 5, initMs: 2 },
})

/** `answers` are given in order, then at-capacity for ever; an Error is a replica that cannot be reached. */
function world(options: { fn?: Partial<FeedFunction>; answers?: (ActivationAnswer | Error)[]; urls?: string[] } = {}) {
  const { fn, answers = [], urls = ['http://one'] } = options
  const clock = new FakeClock()
  const asked: { url: string; request: ActivationRequest }[] = []
  const deferred: (() => void)[] = []
  const lane: Lane = new Lane(
    { fn: feedFunction({ concurrency: 1, ...fn }), endpoints: [] },
    { clock, queueLimit: 1_000, onShortage: () => waker.shortage() },
  )
  const waker = new Waker(lane, {
    controllers: {
      order: (key) => rendezvousOrder(urls, key),
      post: async (url, _path, { body }) => {
        asked.push({ url, request: body as ActivationRequest })
        const answer = answers.shift() ?? atCapacity
        if (answer instanceof Error) throw answer
        return answer
      },
    },
    clock,
    logger: silentLogger,
    reporter: 'me',
    position: () => ({ epoch: 'e', version: 3 }),
    defer: (run) => deferred.push(run),
  })
  const turn = async () => {
    for (const run of deferred.splice(0)) run()
    await settle()
  }
  const wait = () => {
    const waiter = new Waiting()
    lane.wait(waiter)
    return waiter
  }
  return { clock, lane, waker, asked, turn, wait }
}

test('requests that arrive in one turn are one activation with the true queue length', async () => {
  const { wait, turn, asked } = world()
  for (let i = 0; i < 100; i++) wait()
  await turn()
  expect(asked).toHaveLength(1)
  expect(asked[0]!.request).toMatchObject({
    function: 'default/hello',
    reporter: 'me',
    queued: 100,
    inFlight: 0,
    epoch: 'e',
    version: 3,
  })
})

test('as long as answers help, the next question follows at once', async () => {
  const { wait, turn, asked } = world({ answers: [brings('a'), brings('b')] })
  const waiters = [wait(), wait(), wait()]
  await turn()
  await turn()
  expect(asked.map(({ request }) => request.queued)).toEqual([3, 2])
  expect(waiters.map(({ pod }) => pod?.endpoint.id)).toEqual(['a', 'b', undefined])
})

test('at capacity it asks again after a second while someone waits, and stops when nobody does', async () => {
  const { wait, turn, asked, clock, lane } = world()
  const waiter = wait()
  await turn()
  clock.advance(999)
  await turn()
  expect(asked).toHaveLength(1)
  clock.advance(1)
  await turn()
  expect(asked).toHaveLength(2)
  lane.leave(waiter)
  clock.advance(5_000)
  await turn()
  expect(asked).toHaveLength(2)
})

test('an answer that helps nobody does not become a storm', async () => {
  const { wait, turn, asked, lane } = world({ answers: [brings('a'), brings('a'), brings('a')] })
  lane.offer(feedEndpoint({ id: 'a' }))
  lane.tryAcquire(0)
  wait()
  for (let i = 0; i < 10; i++) await turn()
  expect(asked).toHaveLength(1)
})

test('with all the pods it may have it does not ask', async () => {
  const { wait, turn, asked, lane } = world({ fn: { maxPods: 1 } })
  lane.offer(feedEndpoint({ id: 'a' }))
  lane.tryAcquire(0)
  wait()
  await turn()
  expect(asked).toEqual([])
})

test('a failure goes to everyone who waits', async () => {
  const failed: ActivationAnswer = {
    outcome: 'failed',
    code: 'code-load-failed',
    message: 'SyntaxError',
    retryAfterMs: 3_000,
  }
  const { wait, turn } = world({ answers: [failed] })
  const waiters = [wait(), wait()]
  await turn()
  for (const { problem } of waiters)
    expect(problem).toMatchObject({ code: 'code-load-failed', message: 'SyntaxError', retryAfterSeconds: 3 })
})

test('a pod too many that cannot be had fails nobody who can have the one there is', async () => {
  const failed: ActivationAnswer = {
    ...{ outcome: 'failed', code: 'start-failed', message: 'no node has room', retryAfterMs: 3_000 },
  }
  const { wait, turn, lane, clock, asked } = world({ answers: [brings('pod-1'), failed, failed] })
  const [first, second] = [wait(), wait()]
  await turn()
  await turn()
  expect(first.pod).toBeDefined()
  expect([asked.length, second.problem]).toEqual([2, undefined])
  clock.advance(1_000)
  await turn()
  expect([asked.length, second.problem]).toEqual([3, undefined])
  lane.release(first.pod!)
  expect(second.pod).toBe(first.pod)
})

test('unreachable replicas are tried one after the other, then again with back-off', async () => {
  const down = new Error('refused')
  const { wait, turn, asked, clock, waker } = world({
    urls: ['http://one', 'http://two'],
    answers: [down, down, down, brings('a')],
  })
  const waiter = wait()
  await turn()
  expect(asked.map(({ url }) => url).sort()).toEqual(['http://one', 'http://two'])
  expect(waker.reason).toBe('the controller cannot be reached')
  clock.advance(100)
  await turn()
  expect(asked).toHaveLength(4)
  expect(waiter.pod?.endpoint.id).toBe('a')
})

test('an answer that is no answer counts as unreachable', async () => {
  const { wait, turn, waker } = world({ answers: [{ outcome: 'surprise' } as unknown as ActivationAnswer] })
  wait()
  await turn()
  expect(waker.reason).toBe('the controller cannot be reached')
})

test('all data planes ask the same replica for one function, and functions spread over replicas', () => {
  const urls = ['http://a', 'http://b', 'http://c']
  expect(rendezvousOrder(urls, 'ns/f')).toEqual(rendezvousOrder([...urls].reverse(), 'ns/f'))
  const firsts = new Set(Array.from({ length: 50 }, (_, n) => rendezvousOrder(urls, `ns/f${n}`)[0]))
  expect(firsts.size).toBe(3)
  const without = (key: string) => rendezvousOrder(urls, key).filter((url) => url !== 'http://a')
  for (let n = 0; n < 20; n++)
    expect(rendezvousOrder(['http://b', 'http://c'], `ns/f${n}`)).toEqual(without(`ns/f${n}`))
})

test('who waits for a sleeping function hears after ten seconds that no controller answers, later ones at once', async () => {
  const unreachable = Array.from({ length: 50 }, () => new Error('refused'))
  const { wait, turn, clock } = world({ answers: unreachable })
  const first = wait()
  for (let elapsedMs = 0; elapsedMs < 9_900; elapsedMs += 100) {
    await turn()
    clock.advance(100)
  }
  expect(first.problem).toBeUndefined()
  for (let elapsedMs = 0; elapsedMs < 3_000; elapsedMs += 100) {
    await turn()
    clock.advance(100)
  }
  expect(first.problem).toMatchObject({ code: 'cannot-wake', retryAfterSeconds: 2 })
  const second = wait()
  await turn()
  expect(second.problem).toMatchObject({ code: 'cannot-wake' })
})

test('who waits for a slot of a pod that is up goes on waiting without a controller', async () => {
  const { wait, turn, clock, lane } = world({ answers: Array.from({ length: 50 }, () => new Error('refused')) })
  lane.offer(feedEndpoint({ id: 'a' }))
  const pod = lane.tryAcquire(0)
  const waiter = wait()
  for (let elapsedMs = 0; elapsedMs < 20_000; elapsedMs += 100) {
    await turn()
    // Listed by the feed, the pod outlives the time an activation's endpoint is believed.
    if (elapsedMs === 0)
      lane.update({ fn: lane.fn, endpoints: [feedEndpoint({ id: 'a', revision: lane.fn.revision })] })
    clock.advance(100)
  }
  expect(waiter.problem).toBeUndefined()
  if (pod) lane.release(pod)
  expect(waiter.pod?.endpoint.id).toBe('a')
})
