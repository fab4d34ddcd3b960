import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, jest } from '@jest/globals'
import { Kafka, logLevel } from 'kafkajs'
import { scenario, useBed } from '../bed.ts'
import { describeOnCluster, e2e } from '../environment.ts'
import { killPods, partPods, rolledOut } from '../installation.ts'
import { functionOf, triggerOf } from '../manifests.ts'

jest.setTimeout(300_000)
const TOPIC = `e2e-dying-${randomBytes(3).toString('hex')}`
const RECORDS = 1_200
const PER_SECOND = 60
/** Handled and not committed yet: a second between two commits, and what was in flight before that; the rest is for a busy machine. */
const UNCOMMITTED_MS = 3_000
const SOURCE = `
  import { setTimeout as delay } from 'node:timers/promises'
  export const handler = async ({ n }, { awsRequestId }) => {
    console.log('handled ' + JSON.stringify({ n, at: Date.now(), id: awsRequestId }))
    await delay(50)
  }`

interface Handled {
  n: number
  at: number
  id: string
}

describeOnCluster(
  'while dispatchers die',
  () => {
    const bed = useBed('dispatchers')
    const client = new Kafka({ brokers: brokers(), logLevel: logLevel.NOTHING })
    const producer = client.producer()
    beforeAll(async () => {
      const admin = client.admin()
      await admin.connect()
      await admin.createTopics({ topics: [{ topic: TOPIC, numPartitions: 6 }] })
      await admin.disconnect()
      await producer.connect()
    }, 60_000)
    afterAll(() => producer.disconnect())

    const handled = async (): Promise<Handled[]> => {
      const lines = await bed.kubectl('logs', '--selector=dormouse.dev/function=counting', '--tail=-1')
      const texts = lines.replaceAll('\\"', '"').matchAll(/handled (\{[^}]*\})/g)
      return [...texts].map(([, json = '']) => JSON.parse(json) as Handled)
    }
    const send = async () => {
      for (let n = 0; n < RECORDS; n += PER_SECOND) {
        const messages = Array.from({ length: PER_SECOND }, (_, index) => ({ value: JSON.stringify({ n: n + index }) }))
        await producer.send({ topic: TOPIC, messages })
        await delay(1_000)
      }
    }

    scenario(bed, 'every record is handled, and again only those of the last moments before', async () => {
      // One pod that stays: what it printed is what was handled.
      const spec = { concurrency: 20, scaling: { min: 1, max: 1 } }
      await bed.deploy(functionOf('counting', SOURCE, spec))
      await bed.apply(triggerOf('counting', 'counting', { kafka: { topics: [TOPIC], startFrom: 'earliest' } }))
      const sending = send()
      await bed.eventually('it is under way', async () => (await handled()).length > 100, 60_000)
      const killedAt: number[] = []
      for (let deaths = 0; deaths < 2; deaths += 1) {
        const pods = await partPods('dispatcher')
        // All of them at once, then one: nobody is left, and somebody is.
        await killPods(deaths === 0 ? pods : pods.slice(0, 1))
        killedAt.push(Date.now())
        await rolledOut('dispatcher')
      }
      await sending
      const distinct = (seen: readonly Handled[]) => new Set(seen.map(({ n }) => n)).size
      await bed.eventually('all are handled', async () => distinct(await handled()) === RECORDS, 120_000)
      const seen = await handled()
      expect(unexplained(seen, killedAt)).toEqual([])
    })
  },
  { kafka: true },
)

/** Records handled more than once though nobody died right after the first time, or under another delivery id. */
function unexplained(seen: readonly Handled[], killedAt: readonly number[]): Handled[] {
  const first = new Map<number, Handled>()
  return [...seen]
    .sort((a, b) => a.at - b.at)
    .filter((record) => {
      const before = first.get(record.n)
      first.set(record.n, record)
      if (before === undefined) return false
      const diedRightAfter = killedAt.some((at) => before.at <= at + 500 && before.at >= at - UNCOMMITTED_MS)
      return !diedRightAfter || before.id !== record.id
    })
}

/** Outside runs there is none, and jest reads the file all the same. */
function brokers(): string[] {
  try {
    const { kafka } = e2e()
    return 'missing' in kafka ? ['127.0.0.1:1'] : kafka.forTests
  } catch {
    return ['127.0.0.1:1']
  }
}
