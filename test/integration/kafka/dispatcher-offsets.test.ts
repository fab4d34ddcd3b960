/** Positions that are not there any more when a dispatcher process comes to read from them. */
import { expect, test } from '@jest/globals'
import { retryGroup, triggerGroup } from '../../../events/topic-names.ts'
import { eventually } from '../../builders/eventually.ts'
import { describeOnKafka } from '../../builders/kafka-brokers.ts'
import { fails, joined, numbered, ok, storedInTiers, useDispatchers, type Triggered } from './dispatchers-bed.ts'

const RECORDS = 100

await describeOnKafka('a dispatcher process whose position is gone', () => {
  const bed = useDispatchers()
  const groupOf = ({ feed }: Triggered) => triggerGroup(feed.trigger, feed.uid)

  test('since the group’s offsets have expired begins where its Trigger says, with the delivery ids of before', async () => {
    const [earliest, latest] = [
      await bed.trigger('expired', { feed: { startFrom: 'earliest' } }),
      await bed.trigger('expired-latest', { feed: { startFrom: 'latest' } }),
    ]
    for (const world of [earliest, latest]) {
      await joined(bed, world, 1)
      await world.send(...numbered(RECORDS))
      await eventually('all called', () => world.calls.length === RECORDS, { withinMs: 60_000 })
      await world.done()
    }
    await bed.fleet.stop()
    await bed.admin((admin) => admin.deleteGroups([groupOf(earliest), groupOf(latest)]))
    bed.fleet.start()
    await earliest.done()
    // "Latest" is where the topic ends when the dispatcher looks, and that it commits.
    const committed = () => bed.log.committed(groupOf(latest), [latest.topic])
    await eventually('it has begun', async () => (await committed()).length === 2, { withinMs: 60_000, everyMs: 100 })
    await latest.send('1000')
    await latest.done()
    const ids = Map.groupBy(earliest.calls, ({ deliveryId }) => deliveryId)
    expect(ids.size).toBe(RECORDS)
    expect([...ids.values()].map((calls) => calls.length)).toEqual(Array(RECORDS).fill(2))
    expect(latest.bodies().sort()).toEqual([...numbered(RECORDS), '1000'].sort())
    expect(await earliest.counts()).toMatchObject({
      attempts: { done: RECORDS },
      duplicatesSkipped: 0,
      deadLetters: {},
    })
    expect(await latest.counts()).toMatchObject({ attempts: { done: 1 }, duplicatesSkipped: 0, deadLetters: {} })
  })

  test('in its tiers, too, since that has expired: what waits for a retry is retried all the same', async () => {
    const backoff = { initialMs: 10_000, factor: 1, maxMs: 10_000 }
    const world = await bed.trigger('expired-tiers', {
      feed: { startFrom: 'latest', retry: { maxAttempts: 3, backoff, maxAgeMs: 3_600_000 } },
      answer: (call, response) => (call.attempt === 1 ? fails : ok)(call, response),
    })
    await joined(bed, world, 1)
    await world.send(...numbered(RECORDS))
    const waiting = async () => (await storedInTiers(bed.log, world)) === RECORDS
    await eventually('all of them wait', waiting, { withinMs: 60_000, everyMs: 100 })
    await bed.fleet.stop()
    await bed.admin((admin) => admin.deleteGroups([groupOf(world), retryGroup(groupOf(world))]))
    bed.fleet.start()
    const again = () => world.calls.filter(({ attempt }) => attempt === 2)
    await eventually('all called again', () => again().length === RECORDS, { withinMs: 60_000 })
    await world.done()
    expect(new Set(again().map(({ body }) => body.toString())).size).toBe(RECORDS)
    expect(world.calls).toHaveLength(2 * RECORDS)
  })

  test('since retention was faster goes on with the oldest record that is left, and counts that', async () => {
    const world = await bed.trigger('overtaken', { partitions: 1 })
    await joined(bed, world, 1)
    await world.send(...numbered(10))
    await world.done()
    await bed.fleet.stop()
    await world.send(...numbered(RECORDS).map((n) => `${Number(n) + 1_000}`))
    await bed.admin(async (admin) => {
      // kafkajs knows no topic that it was not asked about.
      await admin.fetchTopicOffsets(world.topic)
      await admin.deleteTopicRecords({ topic: world.topic, partitions: [{ partition: 0, offset: '60' }] })
    })
    bed.fleet.start()
    await world.done()
    const left = numbered(RECORDS).slice(50)
    expect(world.bodies().slice(10).sort()).toEqual(left.map((n) => `${Number(n) + 1_000}`).sort())
    expect(await world.counts()).toMatchObject({ attempts: { done: left.length }, deadLetters: {}, retries: {} })
  })
})
