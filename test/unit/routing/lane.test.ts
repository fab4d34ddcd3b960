import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import type { FeedFunction } from '../../../api/protocol.ts'
import { Lane } from '../../../routing/lane.ts'
import type { PodSlots } from '../../../routing/slot-table.ts'
import { feedEndpoint, feedFunction } from '../../builders/feed.ts'
import { FakeClock } from '../../fakes/fake-clock.ts'
import { Waiting } from '../../fakes/waiting.ts'

function world(fn: Partial<FeedFunction> = {}, endpoints: string[] = [], queueLimit = 10) {
  const clock = new FakeClock()
  const shortages: number[] = []
  const entry = (ids: string[], part: Partial<FeedFunction> = {}) => ({
    fn: feedFunction({ concurrency: 1, ...fn, ...part }),
    endpoints: ids.map((id) => feedEndpoint({ id, revision: part.revision ?? fn.revision ?? 'r1' })),
  })
  const lane = new Lane(entry(endpoints), { clock, queueLimit, onShortage: ({ queued }) => shortages.push(queued) })
  const wait = (again = false) => {
    const waiter = new Waiting()
    return { waiter, refused: lane.wait(waiter, again) }
  }
  return { clock, lane, shortages, entry, wait }
}

test('a slot that frees goes to the one who waits longest, and nobody overtakes', () => {
  const { lane, wait } = world({}, ['a'])
  const pod = lane.tryAcquire(0)!
  const [first, second] = [wait().waiter, wait().waiter]
  expect(lane.tryAcquire(0)).toBeUndefined()
  lane.release(pod)
  expect([first.pod, second.pod]).toEqual([pod, undefined])
  expect([lane.inFlight, lane.queued]).toEqual([1, 1])
})

test('pods that arrive serve as many waiters as they have slots', () => {
  const { lane, wait, entry } = world({ concurrency: 2 })
  const waiters = Array.from({ length: 5 }, () => wait().waiter)
  lane.update(entry(['a', 'b']))
  expect(waiters.map(({ pod }) => pod?.endpoint.id)).toEqual(['a', 'b', 'a', 'b', undefined])
})

test('a replay goes before those who wait; a full queue refuses newcomers but not replays', () => {
  const { lane, wait, entry } = world({}, [], 2)
  const [one, two] = [wait(), wait()]
  const late = wait()
  expect(late.refused).toMatchObject({ code: 'queue-full', status: 429 })
  const replay = wait(true)
  expect([one.refused, two.refused, replay.refused]).toEqual([undefined, undefined, undefined])
  lane.update(entry(['a']))
  expect([replay.waiter.pod?.endpoint.id, one.waiter.pod]).toEqual(['a', undefined])
})

test('a busy pod is left out for a moment, longer each time, and then serves again', () => {
  const { lane, wait, clock } = world({}, ['a'])
  for (const blockedMs of [20, 40, 80]) {
    const pod = lane.tryAcquire(0)!
    lane.block(pod, 'busy')
    lane.release(pod)
    expect(lane.tryAcquire(0)).toBeUndefined()
    expect(lane.podCount).toBe(1)
    const { waiter } = wait()
    clock.advance(blockedMs - 1)
    expect(waiter.pod).toBeUndefined()
    clock.advance(1)
    expect(waiter.pod).toBe(pod)
    lane.release(pod)
  }
  const pod = lane.tryAcquire(0)!
  lane.worked(pod)
  lane.block(pod, 'busy')
  lane.release(pod)
  const { waiter } = wait()
  clock.advance(20)
  expect(waiter.pod).toBe(pod)
})

test('an unreachable pod counts as none until the feed names it anew', () => {
  const { lane, entry } = world({}, ['a'])
  const pod = lane.tryAcquire(0)!
  lane.block(pod, 'unreachable')
  lane.release(pod)
  expect([lane.podCount, lane.tryAcquire(0)]).toEqual([0, undefined])
  lane.update(entry(['a']))
  expect([lane.podCount, lane.tryAcquire(0)]).toEqual([1, pod])
})

test('an activation’s pod serves before the feed has it, and is forgotten when the feed never brings it', () => {
  const { lane, wait, clock, entry } = world()
  const { waiter } = wait()
  expect(lane.offer(feedEndpoint({ id: 'a' }))).toBe(1)
  lane.release(waiter.pod!)
  lane.update(entry([]))
  expect(lane.podCount).toBe(1)
  clock.advance(10_000)
  expect(lane.podCount).toBe(0)
})

test('a pod the feed has taken away is not brought back by a late activation', () => {
  const { lane, entry } = world({}, ['a'])
  lane.update(entry([]))
  expect(lane.offer(feedEndpoint({ id: 'a' }))).toBe(0)
  expect(lane.podCount).toBe(0)
})

test('only pods of the revision that takes traffic get requests; those of the old one run out and stay in the report', () => {
  const { lane, entry } = world({}, ['old'])
  const running = lane.tryAcquire(0)!
  const next = entry(['old', 'new'], { revision: 'r2' })
  next.endpoints[0] = feedEndpoint({ id: 'old', revision: 'r1' })
  lane.update(next)
  expect(lane.tryAcquire(0)?.endpoint.id).toBe('new')
  expect(lane.tryAcquire(0)).toBeUndefined()
  expect(lane.takeLoad().endpoints).toEqual({ old: 1, new: 1 })
  lane.release(running)
  expect(lane.takeLoad().endpoints).toEqual({ new: 1 })
  expect(lane.pods().map(({ endpoint }) => endpoint.id)).toEqual(['new'])
})

test('a deleted function answers its waiters 404 and later ones too; what runs gives its slot back', () => {
  const { lane, wait } = world({}, ['a'])
  const running = lane.tryAcquire(0)!
  const { waiter } = wait()
  lane.close()
  expect(waiter.problem).toMatchObject({ code: 'unknown-function', status: 404 })
  expect(wait().refused).toMatchObject({ code: 'unknown-function' })
  lane.release(running)
  expect([lane.inFlight, lane.queued, lane.pods()]).toEqual([0, 0, []])
})

test('a function that breaks while requests wait tells them', () => {
  const { lane, wait, entry } = world()
  const { waiter } = wait()
  lane.update(entry([], { broken: { code: 'code-load-failed', message: 'SyntaxError' } }))
  expect(waiter.problem).toMatchObject({ code: 'code-load-failed', message: 'SyntaxError' })
})

test('the mean counts running and waiting by time; idle counts from the last end', () => {
  const { lane, wait, clock } = world({}, ['a'])
  expect(lane.takeLoad().idleMs).toBeUndefined()
  const pod = lane.tryAcquire(clock.now())!
  clock.advance(500)
  const { waiter } = wait()
  clock.advance(500)
  expect(lane.takeLoad()).toMatchObject({ inFlight: 1, queued: 1, meanConcurrency: 1.5, idleMs: 0 })
  lane.leave(waiter)
  lane.release(pod)
  clock.advance(1_000)
  expect(lane.takeLoad()).toMatchObject({ inFlight: 0, queued: 0, meanConcurrency: 0, idleMs: 1_000, endpoints: {} })
})

test('property: slots and queue never leak, no pod runs more than its concurrency, and nobody waits beside a free slot', () => {
  const step = fc.record({
    kind: fc.constantFrom('call' as const, 'call', 'end', 'end', 'leave', 'pods', 'block', 'offer'),
    n: fc.nat({ max: 30 }),
  })
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 3 }), fc.array(step, { maxLength: 80 }), (concurrency, steps) => {
      const { lane, clock, entry } = world({ concurrency }, [], 1_000)
      const running: PodSlots[] = []
      const waiters: Waiting[] = []
      const one = <T>(from: T[], n: number) => from.splice(n % from.length, 1)
      const call = () => {
        const pod = lane.tryAcquire(0)
        const waiter = new Waiting()
        if (pod) running.push(pod)
        else if (!lane.wait(waiter)) waiters.push(waiter)
      }
      const actions = {
        call,
        end: (n: number) => one(running, n).forEach((pod) => lane.release(pod)),
        leave: (n: number) => one(waiters, n).forEach((waiter) => lane.leave(waiter)),
        pods: (n: number) => lane.update(entry(Array.from({ length: n % 4 }, (_, i) => `p${i}`))),
        block: (n: number) => running.slice(0, 1).forEach((pod) => lane.block(pod, n % 2 ? 'busy' : 'unreachable')),
        offer: (n: number) => lane.offer(feedEndpoint({ id: `o${n}` })),
      }
      const collect = () => {
        for (const waiter of waiters.filter(({ pod }) => pod)) {
          running.push(waiter.pod!)
          waiters.splice(waiters.indexOf(waiter), 1)
        }
      }
      for (const { kind, n } of steps) {
        actions[kind](n)
        collect()
        expect([lane.inFlight, lane.queued]).toEqual([running.length, waiters.length])
        for (const pod of lane.pods()) {
          expect(pod.inFlight).toBe(running.filter((other) => other === pod).length)
          expect(pod.inFlight).toBeLessThanOrEqual(concurrency)
          const free = !pod.gone && pod.blockReason === undefined && pod.inFlight < concurrency
          if (free) expect(lane.queued).toBe(0)
        }
        clock.advance(7)
        collect()
      }
    }),
  )
})
