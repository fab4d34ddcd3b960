/** What costs no attempt: a function that is not there, that has no capacity, or dead letters that cannot be stored. */
import { expect, jest, test } from '@jest/globals'
import { setTimeout as delay } from 'node:timers/promises'
import { deadLetterTopic } from '../../../events/topic-names.ts'
import { describeOnKafka } from '../../builders/kafka-brokers.ts'
import { eventually } from '../../builders/eventually.ts'
import { fails, joined, numbered, useDispatchers } from './dispatchers-bed.ts'

const HELD_MS = process.env['DORMOUSE_TEST_HELD_MS']
/** Longer than the waits in which records are held, several times. */
const AWAY_MS = Number(HELD_MS ?? 8_000)
/** Longer than a call waits for a slot: 30 s. */
const THROTTLED_MS = Number(HELD_MS ?? 34_000)
const RECORDS = 100

await describeOnKafka('records that a dispatcher process cannot deliver', () => {
  const bed = useDispatchers({ count: 2 })
  if (HELD_MS !== undefined) jest.setTimeout(AWAY_MS + 120_000)

  test('since the function is missing wait for it, and are then called once, as first attempts', async () => {
    const missing = await bed.trigger('missing', { isMissing: true, feed: { ordering: 'key' } })
    await missing.send(...numbered(RECORDS).map((n) => ({ key: Buffer.from(`k${+n % 7}`), value: Buffer.from(n) })))
    await eventually('they are held', async () => (await missing.counts()).held > 0, { withinMs: 60_000, everyMs: 100 })
    await delay(AWAY_MS)
    missing.appear()
    await missing.done()
    expect(missing.bodies().sort()).toEqual(numbered(RECORDS).sort())
    expect(new Set(missing.calls.map(({ attempt }) => attempt))).toEqual(new Set([1]))
    expect(await missing.deadLetters()).toEqual([])
    const counts = await missing.counts()
    expect(counts).toMatchObject({ attempts: { done: RECORDS }, retries: {}, deadLetters: {} })
    expect(counts.held).toBeGreaterThan(0)
  })

  test('since it was deleted in use and comes back are called as the attempts they were to be', async () => {
    const world = await bed.trigger('deleted', {
      answer: (call, response) => (call.attempt === 1 ? fails(call, response) : void response.writeHead(200).end()),
      feed: { retry: { maxAttempts: 2, backoff: { initialMs: 3_000, factor: 1, maxMs: 3_000 }, maxAgeMs: 3_600_000 } },
    })
    await world.send(...numbered(RECORDS))
    await eventually('first attempts', () => world.calls.length === RECORDS, { withinMs: 60_000 })
    bed.controller.removeFunction(world.fn.key)
    await delay(AWAY_MS)
    world.appear()
    await world.done()
    expect(world.calls.map(({ attempt }) => attempt)).toEqual([...Array(RECORDS).fill(1), ...Array(RECORDS).fill(2)])
    expect(await world.counts()).toMatchObject({
      ...{ attempts: { done: RECORDS, 'http-5xx': RECORDS }, retries: { 3000: RECORDS }, deadLetters: {} },
    })
    expect(await world.deadLetters()).toEqual([])
  })

  test('since its pod is busy, or there is no capacity for one, are held, and called once, as first attempts', async () => {
    const [throttled, full] = [await bed.trigger('throttled'), await bed.trigger('full')]
    let refused = 0
    throttled.pod.beforeServing = async (request, response) => {
      refused++
      request.resume()
      response.writeHead(503, { 'dormouse-refused': 'busy' }).end('{}')
    }
    bed.controller.removeEndpoint(full.pod.id)
    for (const world of [throttled, full]) {
      // Calls of a dispatcher that joins later would begin to wait later.
      await joined(bed, world, 2)
      await world.send(...numbered(RECORDS))
    }
    const asked = () => bed.controller.activations.filter((each) => each.function === full.fn.key).length
    await eventually('a pod is asked for', () => asked() > 0, { withinMs: 60_000 })
    await delay(THROTTLED_MS)
    throttled.pod.beforeServing = undefined
    full.appear()
    expect(refused).toBeGreaterThan(1)
    for (const world of [throttled, full]) {
      await world.done()
      expect(world.bodies().sort()).toEqual(numbered(RECORDS).sort())
      expect(new Set(world.calls.map(({ attempt }) => attempt))).toEqual(new Set([1]))
      expect(await world.deadLetters()).toEqual([])
      const counts = await world.counts()
      expect(counts).toMatchObject({ attempts: { done: RECORDS }, retries: {}, deadLetters: {} })
      expect(counts.held).toBeGreaterThan(0)
    }
  })

  test('as dead letters, since their topic takes none, stay where they are until it does, uncommitted', async () => {
    const world = await bed.trigger('dead', {
      answer: (call, response) =>
        call.body.toString().startsWith('bad') ? fails(call, response) : void response.end(),
      feed: { retry: { maxAttempts: 1, backoff: { initialMs: 100, factor: 1, maxMs: 100 }, maxAgeMs: 3_600_000 } },
      fn: { signature: 'http' },
      partitions: 1,
    })
    const topic = deadLetterTopic({ kind: 'trigger', key: world.feed.trigger })
    // Such a topic takes no record without a key.
    const policy = (value: string) => ({ name: 'cleanup.policy', value })
    await bed.admin((admin) =>
      admin.createTopics({ topics: [{ topic, numPartitions: 1, configEntries: [policy('compact')] }] }),
    )
    // What moves to another dispatcher would be called there again.
    await joined(bed, world, 2)
    await world.send('good0', 'bad0', 'good1', 'bad1', 'good2')
    await eventually('each called', () => world.calls.length === 5, { withinMs: 60_000 })
    await delay(AWAY_MS)
    await expect(world.done(1_000)).rejects.toThrow('committed')
    expect(await world.deadLetters()).toEqual([])
    await world.send('good3')
    await eventually('others pass', () => world.bodies().includes('good3'), { withinMs: 60_000 })
    await bed.admin((admin) =>
      admin.alterConfigs({
        validateOnly: false,
        resources: [{ type: 2, name: topic, configEntries: [policy('delete')] }],
      }),
    )
    await world.done()
    expect((await world.deadLetters()).map(({ value }) => value?.toString()).sort()).toEqual(['bad0', 'bad1'])
    expect(world.calls).toHaveLength(6)
    const counts = await world.counts()
    expect(counts).toMatchObject({ attempts: { done: 4, 'http-5xx': 2 }, retries: {}, deadLetters: { 'http-5xx': 2 } })
    expect(counts.publishFailures).toBeGreaterThan(1)
  })
})
