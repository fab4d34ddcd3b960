/** Triggers that are changed while records of them wait in retry tiers of a dispatcher process. */
import { expect, test } from '@jest/globals'
import type { FeedSubscription } from '../../../api/protocol.ts'
import { tiersAmong } from '../../../events/topic-names.ts'
import { eventually } from '../../builders/eventually.ts'
import { feedFunction } from '../../builders/feed.ts'
import { describeOnKafka } from '../../builders/kafka-brokers.ts'
import { FakePod } from '../../fakes/fake-pod.ts'
import {
  fails,
  joined,
  numbered,
  ok,
  storedInTiers,
  useDispatchers,
  type Answer,
  type Triggered,
} from './dispatchers-bed.ts'

const RECORDS = 100
const HOUR_MS = 3_600_000
const PATIENT = { withinMs: 60_000, everyMs: 100 }
const failsFirst: Answer = (call, response) => (call.attempt === 1 ? fails : ok)(call, response)

await describeOnKafka('a Trigger that is changed while records wait for a retry', () => {
  const bed = useDispatchers()

  const retryAfter = (delayMs: number, maxAttempts = 3) => ({
    retry: { maxAttempts, backoff: { initialMs: delayMs, factor: 1, maxMs: delayMs }, maxAgeMs: 24 * HOUR_MS },
  })
  const tiersOf = async ({ feed }: Triggered) =>
    tiersAmong(
      (await bed.log.describe()).map(({ topic }) => topic),
      { kind: 'trigger', key: feed.trigger },
    )
  const change = (world: Triggered, part: Partial<FeedSubscription>): Triggered => {
    const feed = { ...world.feed, ...part }
    bed.replace(world, feed)
    return { ...world, feed }
  }
  const seen = ({ calls }: Triggered, attempt: number) =>
    new Set(calls.filter((call) => call.attempt === attempt).map(({ body }) => body.toString()))
  const isSeenAgain = (world: Triggered, count = RECORDS) =>
    eventually('second attempts', () => seen(world, 2).size === count, PATIENT)

  /** All of it has failed once, and is stored for its retry after so long. */
  async function waiting(name: string, delayMs: number, feed: Partial<FeedSubscription> = {}): Promise<Triggered> {
    const world = await bed.trigger(name, { feed: { ...retryAfter(delayMs), ...feed }, answer: failsFirst })
    await world.send(...numbered(RECORDS).map((n) => ({ key: Buffer.from(n), value: Buffer.from(n) })))
    const stored = async () =>
      world.feed.ordering === 'unordered'
        ? storedInTiers(bed.log, world)
        : ((await world.counts()).retries[delayMs] ?? 0)
    const isStored = async () => (await stored()) === RECORDS
    await eventually('all of it to wait', isStored, PATIENT)
    return world
  }

  test.each<[string, Partial<FeedSubscription>, Partial<FeedSubscription>]>([
    ['another policy', retryAfter(500, 6), {}],
    ['order by key', { ordering: 'key' }, {}],
    ['order by partition', { ordering: 'partition' }, {}],
    ['no order', { ordering: 'unordered' }, { ordering: 'key' }],
  ])('to %s: each is tried again once, when it was due', async (_, after, before) => {
    const world = await waiting('changed', 6_000, before)
    const next = change(world, after)
    await isSeenAgain(world)
    await next.done()
    expect(world.calls).toHaveLength(2 * RECORDS)
    const firsts = new Map(world.calls.map((call) => [`${call.deliveryId} ${call.attempt}`, call.atMs]))
    for (const { deliveryId, attempt, atMs } of world.calls)
      if (attempt === 2) expect(atMs - firsts.get(`${deliveryId} 1`)!).toBeGreaterThanOrEqual(6_000)
  })

  test('in its topics: one that is taken out and put back goes on where it was', async () => {
    const world = await waiting('topics', 4_000)
    const more = `${world.topic}-more`
    await bed.log.ensureTopics([{ topic: more, partitions: 1 }])
    await bed.log.send([{ topic: more, key: null, value: Buffer.from('1000'), headers: [] }])
    change(world, { topics: [more] })
    await eventually('the other topic', () => seen(world, 1).has('1000'), PATIENT)
    await world.send('1001')
    const next = change(world, { topics: [world.topic, more] })
    await isSeenAgain(world, RECORDS + 2)
    await next.done()
    expect(world.calls).toHaveLength(2 * (RECORDS + 2))
  })

  test('in its function: the other one gets what waits, as second attempts', async () => {
    const world = await waiting('renamed', 4_000)
    const key = `default/other-${world.topic}` as const
    const bodies: string[] = []
    const pod = await FakePod.start({
      ...{ function: key, id: `pod-of-other-${world.topic}` },
      script: (_request, response, body) => {
        bodies.push(body.toString())
        response.writeHead(200, { 'content-type': 'application/json' }).end('"ok"')
      },
    })
    try {
      bed.controller.setFunctions(feedFunction({ key, uid: `${key}-uid`, signature: 'event', maxPods: 1 }))
      bed.controller.addEndpoints(pod.endpoint)
      change(world, { function: key })
      await eventually('the other function', () => bodies.length === RECORDS, PATIENT)
      await world.done()
      expect([new Set(bodies).size, world.calls.length]).toEqual([RECORDS, RECORDS])
    } finally {
      await pod.stop()
    }
  })

  test('in that it is deleted and made anew at once: what waits is its dead letters, the new one begins afresh', async () => {
    const world = await waiting('anew', HOUR_MS)
    const next = change(world, { uid: 'z-another', startFrom: 'latest', ...retryAfter(1_000) })
    await joined(bed, next, 1)
    await eventually('dead letters', async () => (await world.deadLetters()).length >= RECORDS, PATIENT)
    await world.send('1000')
    await isSeenAgain(world, 1)
    expect(await world.deadLetters()).toHaveLength(RECORDS)
    bed.replace(next)
    await eventually('no tier', async () => (await tiersOf(world)).length === 0, PATIENT)
  })
})
