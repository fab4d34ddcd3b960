/** Dispatchers whose clocks are wrong, each in its own direction. */
import { expect, test } from '@jest/globals'
import { eventually } from '../../builders/eventually.ts'
import { describeOnKafka } from '../../builders/kafka-brokers.ts'
import { fails, joined, numbered, ok, useDispatchers, type Triggered } from './dispatchers-bed.ts'

const RECORDS = 200
const DELAY_MS = 4_000
/** The two clocks apart: more than a retry waits, and less. */
const SKEWS = [60_000, 1_000]

await describeOnKafka('dispatchers whose clocks are apart', () => {
  const bed = useDispatchers({ count: 0 })

  const gaps = ({ calls }: Triggered) =>
    [...Map.groupBy(calls, ({ deliveryId }) => deliveryId).values()].map((each) => each[1]!.atMs - each[0]!.atMs)

  test.each(SKEWS)(
    'by twice %d ms lose nothing, try nothing once more, and are early by no more than that',
    async (skewMs) => {
      bed.fleet.start({ skewMs })
      bed.fleet.start({ skewMs: -skewMs })
      const of = (ordering: 'unordered' | 'key') => ({
        answer: (call: Parameters<typeof ok>[0], response: Parameters<typeof ok>[1]) =>
          call.attempt === 1 ? fails(call, response) : ok(call, response),
        feed: {
          ordering,
          retry: { maxAttempts: 3, backoff: { initialMs: DELAY_MS, factor: 1, maxMs: DELAY_MS }, maxAgeMs: 3_600_000 },
        },
        fn: { concurrency: 50 },
        partitions: 4,
      })
      const [tiers, inPlace] = [
        await bed.trigger(`tiers-${skewMs}`, of('unordered')),
        await bed.trigger(`in-place-${skewMs}`, of('key')),
      ]
      // Waits that move to another dispatcher move to another clock.
      for (const world of [tiers, inPlace]) await joined(bed, world, 2)
      for (const world of [tiers, inPlace])
        await world.send(...numbered(RECORDS).map((n) => ({ key: Buffer.from(n), value: Buffer.from(n) })))
      for (const world of [tiers, inPlace]) {
        await world.done()
        await eventually('each twice', () => world.calls.length >= 2 * RECORDS, { withinMs: 60_000 })
        expect(world.bodies().sort()).toEqual([...numbered(RECORDS), ...numbered(RECORDS)].sort())
        const attempts = Map.groupBy(world.calls, ({ deliveryId }) => deliveryId)
        for (const each of attempts.values()) expect(each.map(({ attempt }) => attempt)).toEqual([1, 2])
        expect(await world.deadLetters()).toEqual([])
        const isCounted = async () => (await world.counts()).attempts['done'] === RECORDS
        await eventually('all of it to be counted', isCounted, { withinMs: 30_000, everyMs: 200 })
        const counts = await world.counts()
        expect(counts).toMatchObject({
          ...{ attempts: { done: RECORDS, 'http-5xx': RECORDS }, retries: { [DELAY_MS]: RECORDS }, deadLetters: {} },
          ...{ held: 0, duplicatesSkipped: 0, publishFailures: 0, commitFailures: 0 },
        })
        // Each was given partitions.
        expect(counts.rebalances).toBeGreaterThanOrEqual(2)
      }
      expect(Math.min(...gaps(tiers))).toBeGreaterThanOrEqual(DELAY_MS - 2 * skewMs)
      // Whoever waits in place goes by its own clock.
      expect(Math.min(...gaps(inPlace))).toBeGreaterThanOrEqual(DELAY_MS)
      await bed.fleet.stop()
    },
  )
})
