/** The soaks of `npm run soak`, a minute each: the whole of dispatcher, adapter and Kafka, counted exactly. */
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { describeOnKafka, KAFKA_START_MS, sharedKafka } from '../../builders/kafka-brokers.ts'
import { comingAndGoing, dying } from '../../soak/disturbances.ts'
import type { DeathMoment } from '../../soak/dispatchers.ts'
import { soak, type SoakOptions, type SoakResult } from '../../soak/soak.ts'

jest.setTimeout(240_000)

const RECORDS = 10_000

await describeOnKafka('records through dispatchers that come and go', () => {
  let brokers: readonly string[]
  const running: Promise<unknown>[] = []
  beforeAll(async () => {
    brokers = (await sharedKafka()).brokers
  }, KAFKA_START_MS)
  afterAll(() => Promise.allSettled(running))

  const run = (part: Pick<SoakOptions, 'name' | 'disturb'> & Partial<SoakOptions>): Promise<SoakResult> => {
    const name = `${part.name}-${Date.now().toString(36)}`
    const running_ = soak({ brokers, records: RECORDS, durationMs: 60_000, ...part, name })
    running.push(running_)
    return running_
  }

  const expectWhole = (result: SoakResult) => {
    expect(result).toMatchObject({ lost: [], unknown: [], unordered: [], crashes: [] })
    expect(result.handled + result.deadLettered).toBe(result.sent)
    expect(result.deadLettered).toBeGreaterThan(0)
  }

  test('in good order: none lost, keys in order, at most one in a thousand handled twice', async () => {
    const result = await run({ name: 'graceful', disturb: comingAndGoing('graceful', 3_000) })
    expectWhole(result)
    expect(result.endings).toBeGreaterThan(4)
    expect(result.duplicates).toBeLessThanOrEqual(RECORDS / 1_000)
  })

  test('killed at random: none lost, keys in order, duplicates bounded by what a commit was not told', async () => {
    const result = await run({ name: 'killed', disturb: comingAndGoing('killed', 3_000) })
    expectWhole(result)
    expect(result.endings).toBeGreaterThan(4)
    expect(result.duplicates).toBeLessThanOrEqual(result.endings * result.perEnding)
  })

  const MOMENTS: [DeathMoment, number][] = [
    ['in-rebalance', 1],
    ['before-invoke', 20],
    ['after-invoke', 20],
    ['before-commit', 1],
    ['after-commit', 1],
  ]
  test('killed before and after a call, around a commit, and in a rebalance: none lost, keys in order', async () => {
    const disturb = dying(MOMENTS.map(([at, nth]) => ({ at, nth })))
    const result = await run({ name: 'dying', durationMs: 90_000, disturb })
    expectWhole(result)
    expect(result.duplicates).toBeLessThanOrEqual(result.endings * result.perEnding)
  })

  test('killed between the publish to a retry topic and the commit: none lost', async () => {
    const deaths = [1, 5, 9].map((nth) => ({ at: 'after-publish' as const, nth }))
    const options = { records: 5_000, durationMs: 30_000, ordering: 'unordered' as const }
    const result = await run({ name: 'publish', disturb: dying(deaths), ...options })
    expect(result).toMatchObject({ lost: [], unknown: [], crashes: [] })
    expect(result.duplicates).toBeLessThanOrEqual(result.endings * result.perEnding)
  })
})
