/** Brokers that go and come back under dispatcher processes with load, counted exactly. */
import { afterEach, expect, jest, test } from '@jest/globals'
import { setTimeout as delay } from 'node:timers/promises'
import { describeOnKafka, kafkaForTests, type TestKafka } from '../../builders/kafka-brokers.ts'
import { soak, type SoakResult } from '../../soak/soak.ts'

jest.setTimeout(280_000)

/** For longer outages by hand. */
const OUTAGE_MS = Number(process.env['DORMOUSE_TEST_OUTAGE_MS'] ?? 15_000)
const SETTLED_MS = 4_000
const RECORDS = 4_000
/** Of the soak. */
const DISPATCHERS = 2

await describeOnKafka(
  'brokers that go and come back',
  () => {
    let kafka: TestKafka | undefined
    afterEach(() => kafka?.stop())

    /** `outages`: each may repeat what was in flight, or acknowledged since the last commit, at every dispatcher. */
    const expectWhole = (result: SoakResult, outages: number) => {
      expect(result).toMatchObject({ lost: [], unknown: [], unordered: [], crashes: [], sent: RECORDS })
      expect(result.handled + result.deadLettered).toBe(result.sent)
      expect(result.deadLettered).toBeGreaterThan(0)
      expect(result.duplicates).toBeLessThanOrEqual(outages * DISPATCHERS * result.perEnding)
      // The metrics tell the same: what was in flight when a partition was lost is counted where it was done again.
      const { attempts, retries, deadLetters, logErrors } = result.counts
      expect(attempts['done']).toBeGreaterThanOrEqual(result.handled)
      expect(attempts['done']).toBeLessThanOrEqual(result.handled + result.duplicates + result.resent)
      expect(retries['100']).toBeGreaterThan(result.deadLettered)
      expect(deadLetters['http-5xx']).toBeGreaterThanOrEqual(result.deadLettered)
      expect(logErrors).toBeGreaterThan(0)
    }

    test('one that is killed for a while under load: none lost, keys in order, few handled twice', async () => {
      const own = (kafka = await kafkaForTests())
      const result = await soak({
        ...{ name: `outage-${Date.now().toString(36)}`, brokers: own.brokers, records: RECORDS },
        durationMs: OUTAGE_MS + 2 * SETTLED_MS,
        disturb: async ({ sending }) => {
          await delay(SETTLED_MS)
          await own.kill(1)
          await delay(OUTAGE_MS)
          await own.start(1)
          await sending
          return 0
        },
      })
      expectWhole(result, 1)
    })

    test('three that are killed one after the other under load: none lost, keys in order, few handled twice', async () => {
      const own = (kafka = await kafkaForTests({ nodes: 3 }))
      const nodes = [1, 2, 3]
      let isSending = true
      let killedInTime = 0
      const result = await soak({
        ...{ name: `failover-${Date.now().toString(36)}`, brokers: own.brokers, records: RECORDS },
        durationMs: 75_000,
        disturb: async ({ sending }) => {
          void sending.finally(() => (isSending = false)).catch(() => undefined)
          for (const node of nodes) {
            await delay(SETTLED_MS)
            await own.kill(node)
            if (isSending) killedInTime++
            await delay(SETTLED_MS)
            await own.start(node)
          }
          await sending
          return 0
        },
      })
      expectWhole(result, nodes.length)
      expect(killedInTime).toBe(nodes.length)
    })
  },
  { ours: true },
)
