/** Three brokers, one of which goes: what needs all of them waits, the rest goes on. */
import { expect, test } from '@jest/globals'
import { deadLetterTopic, retryTopic } from '../../../events/topic-names.ts'
import { describeOnKafka } from '../../builders/kafka-brokers.ts'
import { eventually } from '../../builders/eventually.ts'
import { fails, numbered, ok, useDispatchers } from './dispatchers-bed.ts'

const RECORDS = 60
const DELAY_MS = 200

await describeOnKafka(
  'a dispatcher process while one of three brokers is away',
  () => {
    const bed = useDispatchers({ nodes: 3 })

    test('keeps records whose retries and dead letters want all replicas, calls others, and moves them when it is back', async () => {
      const world = await bed.trigger('replicas', {
        partitions: 6,
        fn: { signature: 'http' },
        answer: (call, response) => (call.body.toString().startsWith('1') ? fails(call, response) : ok(call, response)),
        feed: {
          retry: { maxAttempts: 2, backoff: { initialMs: DELAY_MS, factor: 1, maxMs: DELAY_MS }, maxAgeMs: 3_600_000 },
        },
      })
      const owner = { kind: 'trigger', key: world.feed.trigger } as const
      const configEntries = [{ name: 'min.insync.replicas', value: '3' }]
      const topics = [retryTopic(owner, DELAY_MS), deadLetterTopic(owner)]
      await bed.admin((admin) =>
        admin.createTopics({
          // It gives up when one of three brokers does not know them yet.
          waitForLeaders: false,
          topics: topics.map((topic) => ({ topic, numPartitions: 1, replicationFactor: 3, configEntries })),
        }),
      )
      const made = async () => (await bed.log.describe(topics)).length === topics.length
      await eventually('the topics', made, { withinMs: 60_000, everyMs: 100 })
      await world.send('0')
      await world.done()
      await bed.kafka?.kill(3)
      const values = numbered(RECORDS).map((n) => `${Number(n) % 2}${n}`)
      const failing = values.filter((value) => value.startsWith('1'))
      await world.send(...values)
      const called = () => new Set(world.bodies()).size
      await eventually('each called', () => called() === RECORDS + 1, { withinMs: 60_000, everyMs: 50 })
      await eventually('a publish was refused', async () => (await world.counts()).publishFailures > 0, {
        ...{ withinMs: 60_000, everyMs: 200 },
      })
      await expect(world.done(1_000)).rejects.toThrow('committed')
      await bed.kafka?.start(3)
      await world.done(90_000)
      const dead = (await world.deadLetters()).map(({ value }) => value?.toString())
      expect([...new Set(dead)].sort()).toEqual(failing.sort())
      const attempts = Map.groupBy(world.calls, ({ deliveryId }) => deliveryId)
      expect(attempts.size).toBe(RECORDS + 1)
      const counts = await world.counts()
      expect(counts.attempts['done']).toBeGreaterThanOrEqual(RECORDS / 2 + 1)
      expect(counts.attempts['http-5xx']).toBeGreaterThanOrEqual(2 * failing.length)
      expect(counts.deadLetters['http-5xx']).toBe(dead.length)
      expect(counts.logErrors + counts.commitFailures + counts.publishFailures).toBeGreaterThan(0)
    }, 240_000)
  },
  { ours: true },
)
