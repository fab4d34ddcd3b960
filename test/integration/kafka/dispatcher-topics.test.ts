/** Topics that change while dispatcher processes read them. */
import { expect, test } from '@jest/globals'
import { eventually } from '../../builders/eventually.ts'
import { describeOnKafka } from '../../builders/kafka-brokers.ts'
import { joined, numbered, storedInTiers, useDispatchers, type Triggered } from './dispatchers-bed.ts'

const RECORDS = 300

await describeOnKafka('topics of dispatcher processes', () => {
  const bed = useDispatchers({ count: 2 })

  const calledWith = (world: Triggered, want: readonly string[]) =>
    eventually(
      'all of it to be called',
      () => {
        const seen = new Set(world.bodies())
        return want.every((each) => seen.has(each))
      },
      { withinMs: 60_000, everyMs: 50 },
    )
  const range = (from: number, count: number) => numbered(count).map((n) => `${from + Number(n)}`)

  test('may get partitions under load: every record is handled, and only what was in flight twice', async () => {
    const world = await bed.trigger('grows', { partitions: 2 })
    // One that joins when it grows is told of both at once.
    await joined(bed, world, 2)
    const batches = [0, 100, 200].map((from) => range(from, RECORDS / 3))
    await world.send(...batches[0]!)
    await eventually('it is under way', () => world.calls.length > 0, { withinMs: 60_000 })
    await bed.admin((admin) => admin.createPartitions({ topicPartitions: [{ topic: world.topic, count: 6 }] }))
    await world.send(...batches[1]!)
    await world.send(...batches[2]!.map((n, at) => ({ value: Buffer.from(n), partition: 2 + (at % 4) })))
    await world.done()
    expect([...new Set(world.bodies())].sort()).toEqual(range(0, RECORDS).sort())
    expect(world.calls.length - RECORDS).toBeLessThanOrEqual(world.fn.concurrency)
    const counts = await world.counts()
    // Once at the start, and when it grew, at one dispatcher at least.
    expect(counts.rebalances).toBeGreaterThan(2)
    expect(counts).toMatchObject({ retries: {}, deadLetters: {}, publishFailures: 0 })
    expect(await world.deadLetters()).toEqual([])
  })

  test('may be deleted in use and made anew: the new one is read from its start, each record once, and others go on', async () => {
    const world = await bed.trigger('deleted', { partitions: 4 })
    const other = await bed.trigger('other')
    // As many in each partition as in the one before: what was committed there must not be taken for the new one's.
    const spread = (texts: readonly string[]) => texts.map((n, at) => ({ value: Buffer.from(n), partition: at % 2 }))
    await world.send(...spread(range(0, RECORDS)))
    await calledWith(world, range(0, RECORDS))
    await world.done()
    await bed.admin((admin) => admin.deleteTopics({ topics: [world.topic] }))
    await other.send(...range(0, RECORDS))
    await other.done()
    expect(other.bodies().sort()).toEqual(range(0, RECORDS).sort())
    await bed.log.ensureTopics([{ topic: world.topic, partitions: 2 }])
    await world.send(...spread(range(1_000, RECORDS)))
    await calledWith(world, range(1_000, RECORDS))
    await world.done()
    expect(world.bodies().sort()).toEqual([...range(0, RECORDS), ...range(1_000, RECORDS)].sort())
    expect(await world.counts()).toMatchObject({ attempts: { done: 2 * RECORDS }, deadLetters: {} })
  })

  test('may be deleted with records that wait in tiers: these are tried all the same', async () => {
    const world = await bed.trigger('tiers', {
      answer: ({ attempt }, response) => void response.writeHead(attempt === 1 ? 500 : 200).end(),
      feed: { retry: { maxAttempts: 2, backoff: { initialMs: 5_000, factor: 1, maxMs: 5_000 }, maxAgeMs: 3_600_000 } },
    })
    await world.send(...range(0, RECORDS))
    await calledWith(world, range(0, RECORDS))
    await eventually('all of it to be in the tier', async () => (await storedInTiers(bed.log, world)) === RECORDS, {
      withinMs: 60_000,
      everyMs: 50,
    })
    await bed.admin((admin) => admin.deleteTopics({ topics: [world.topic] }))
    await eventually('second attempts', () => world.calls.filter(({ attempt }) => attempt === 2).length === RECORDS, {
      withinMs: 60_000,
    })
    // A call counts as done when its answer has come back.
    const done = async () => (await world.counts()).attempts['done'] === RECORDS
    await eventually('all done', done, { withinMs: 60_000, everyMs: 100 })
    expect(world.calls).toHaveLength(2 * RECORDS)
    expect(await world.counts()).toMatchObject({
      ...{ attempts: { done: RECORDS, 'http-5xx': RECORDS }, retries: { 5000: RECORDS }, deadLetters: {} },
    })
  })
})
