/** The soaks of `npm run soak`, a minute each: the whole of dispatcher, adapter and Kafka, counted exactly. */
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { describeOnKafka, KAFKA_START_MS, sharedKafka } from '../../builders/kafka-brokers.ts'
import { HANDS_OVER } from '../../builders/hands-over.ts'
import { comingAndGoing, dying } from '../../soak/disturbances.ts'
import type { DeathMoment } from '../../soak/dispatchers.ts'
import { soak, type SoakOptions, type SoakResult } from '../../soak/soak.ts'

jest.setTimeout(240_000)

const RECORDS = 10_000
const QUIET = 1_000

const MOMENTS: [DeathMoment, number][] = [
  ['in-rebalance', 1],
  ['before-invoke', 20],
  ['after-invoke', 20],
  ['before-commit', 1],
  ['after-commit', 1],
]
type Part = Pick<SoakOptions, 'name' | 'disturb'> & Partial<SoakOptions>
const GRACEFUL: Part = { name: 'graceful', disturb: comingAndGoing('graceful', 3_000) }
const KILLED: Part = { name: 'killed', disturb: comingAndGoing('killed', 3_000) }
const DYING: Part = {
  ...{ name: 'dying', durationMs: 90_000 },
  disturb: dying(MOMENTS.map(([at, nth]) => ({ at, nth }))),
}
const PUBLISH: Part = {
  ...{ name: 'publish', records: 5_000, durationMs: 30_000, ordering: 'unordered' },
  disturb: dying([1, 5, 9].map((nth) => ({ at: HANDS_OVER ? 'after-write' : 'after-publish', nth }))),
}
/** Side by side, since a soak waits more than it works: one after the other they are four minutes of every run. */
const LANES = [
  [GRACEFUL, KILLED],
  [DYING, PUBLISH],
]

await describeOnKafka('records through dispatchers that come and go', () => {
  const results = new Map<Part, Promise<SoakResult>>()
  beforeAll(async () => {
    const { brokers } = await sharedKafka()
    const all = { records: RECORDS, durationMs: 60_000, quietRecords: QUIET }
    for (const lane of LANES) {
      let before: Promise<unknown> = Promise.resolve()
      for (const part of lane) {
        const name = `${part.name}-${Date.now().toString(36)}`
        const result = before.then(() => soak({ ...all, ...part, brokers, name }))
        results.set(part, result)
        // Whoever asks for it hears of its failure; the next is not the worse for it.
        before = result.catch(() => undefined)
      }
    }
  }, KAFKA_START_MS)
  afterAll(() => Promise.allSettled(results.values()))

  const expectWhole = (result: SoakResult) => {
    expect(result).toMatchObject({ lost: [], unknown: [], crashes: [] })
    expect(result.handled + result.deadLettered).toBe(result.sent)
    expect(result.deadLettered).toBe(result.doomed)
    expect(result.deadLettered).toBeGreaterThan(0)
  }
  /** What those counted that have ended went with them; what the others did since then is told exactly. */
  const expectCounted = ({ counts, called, quiet, dispatchers }: SoakResult) => {
    expect(quiet.counted).toEqual(quiet.called)
    expect(quiet.called.attempts['done']).toBeGreaterThan(QUIET / 2)
    expect(quiet.counted.deadLetters).toEqual({ 'http-5xx': quiet.deadLetters })
    for (const name of ['attempts', 'retries', 'deadLetters'] as const) {
      const allowed = Object.keys(called[name])
      expect(allowed).toEqual(expect.arrayContaining(Object.keys(counts[name])))
      for (const label of allowed)
        expect([name, label, (counts[name][label] ?? 0) <= called[name][label]!]).toEqual([name, label, true])
    }
    expect(counts.rebalances).toBeGreaterThanOrEqual(dispatchers)
  }

  test('in good order: none lost, keys in order, at most one in a thousand handled twice', async () => {
    const result = (await results.get(GRACEFUL))!
    expectWhole(result)
    expectCounted(result)
    expect(result.unordered).toEqual([])
    expect(result.endings).toBeGreaterThan(4)
    expect(result.duplicates).toBeLessThanOrEqual(RECORDS / 1_000)
  })

  test('killed before and after a call, around a commit, and in a rebalance: none lost, keys in order', async () => {
    const result = (await results.get(DYING))!
    expectWhole(result)
    expectCounted(result)
    expect(result.unordered).toEqual([])
    // The two that were there from the start have heard of each that went.
    expect(result.counts.rebalances).toBeGreaterThanOrEqual(2 * result.endings)
    expect(result.duplicates).toBeLessThanOrEqual(result.endings * result.perEnding)
  })

  test('killed at random: none lost, keys in order, duplicates bounded by what a commit was not told', async () => {
    const result = (await results.get(KILLED))!
    expectWhole(result)
    expectCounted(result)
    expect(result.unordered).toEqual([])
    expect(result.endings).toBeGreaterThan(4)
    expect(result.duplicates).toBeLessThanOrEqual(result.endings * result.perEnding)
  })

  test('killed between the publish to a retry topic and the commit: none lost, and what always fails is a dead letter', async () => {
    const result = (await results.get(PUBLISH))!
    expectWhole(result)
    expectCounted(result)
    expect(result.counts.rebalances).toBeGreaterThanOrEqual(2 * result.endings)
    expect(result.duplicates).toBeLessThanOrEqual(result.endings * result.perEnding)
  })
})
