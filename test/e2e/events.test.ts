import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, jest } from '@jest/globals'
import { Kafka, logLevel } from 'kafkajs'
import { scenario, useBed } from './bed.ts'
import { describeOnCluster, e2e } from './environment.ts'
import { manage } from './installation.ts'
import { functionOf, triggerOf } from './manifests.ts'

jest.setTimeout(480_000)
const TOPIC = `e2e-orders-${randomBytes(3).toString('hex')}`
/** Cannot handle what is bad until it is mended. */
const SOURCE = `
  export const handler = async (event, { awsRequestId }) => {
    console.log('saw ' + JSON.stringify({ ...event, id: awsRequestId, mended: process.env.MENDED ?? 'no' }))
    if (event.bad === true && process.env.MENDED === undefined) throw new Error('this order is bad')
  }`

describeOnCluster(
  'an event',
  () => {
    const bed = useBed('events')
    const { kafka } = told()
    const client = new Kafka({ brokers: kafka, logLevel: logLevel.NOTHING })
    const producer = client.producer()

    beforeAll(async () => {
      const admin = client.admin()
      await admin.connect()
      await admin.createTopics({ topics: [{ topic: TOPIC, numPartitions: 3 }] })
      await admin.disconnect()
      await producer.connect()
    }, 60_000)
    afterAll(async () => {
      await producer.disconnect()
    })

    /** What pods of the function have printed, in the order of each. */
    const seen = async (name: string) => {
      const lines = await bed.kubectl('logs', `--selector=dormouse.dev/function=${name}`, '--tail=-1')
      return [...lines.matchAll(/saw (\{[^}]*\})/g)].map(([, json]) => JSON.parse(unescaped(json!)) as Seen)
    }

    const deadLetters = () =>
      manage<{ items: object[] }>('dispatcher', `/api/v1/dlq/trigger/${bed.namespace}/orders`).then(
        ({ items }) => items,
      )

    scenario(
      bed,
      'of Kafka wakes its function; a bad one is tried again, becomes a dead letter, and is handled when it is replayed to mended code',
      async () => {
        const spec = { scaling: { max: 1 }, env: [] as object[] }
        await bed.deploy(functionOf('orders', SOURCE, spec))
        const retry = { maxAttempts: 3, backoff: { initial: '200ms', factor: 1 } }
        await bed.apply(triggerOf('orders', 'orders', { kafka: { topics: [TOPIC], startFrom: 'earliest' }, retry }))
        await producer.send({ topic: TOPIC, messages: [{ value: '{"n":1}' }, { value: '{"n":2,"bad":true}' }] })

        await bed.eventually('the bad one is a dead letter', async () => (await deadLetters()).length === 1, 120_000)
        // What a pod prints is there to be read a moment later.
        const first = await bed.eventually('all of it was seen', async () => {
          const lines = await seen('orders')
          return lines.length >= 4 && lines
        })
        expect(first.filter(({ n }) => n === 1)).toHaveLength(1)
        expect(first.filter(({ n }) => n === 2)).toHaveLength(3)
        expect(new Set(first.filter(({ n }) => n === 2).map(({ id }) => id)).size).toBe(1)

        await bed.deploy(functionOf('orders', SOURCE, { ...spec, env: [{ name: 'MENDED', value: 'yes' }] }))
        await bed.call('orders', { body: { n: 0 } })
        const path = `/api/v1/dlq/trigger/${bed.namespace}/orders/redrive`
        expect(await manage('dispatcher', path, {})).toMatchObject({ moved: 1 })
        // Not by what a pod from before has printed, which may be there still.
        const isHandled = async () => (await seen('orders')).some(({ n, mended }) => n === 2 && mended === 'yes')
        await bed.eventually('it is handled', isHandled, 120_000)
        expect(await deadLetters()).toEqual([])
      },
    )

    scenario(bed, 'of the clock wakes its function each minute', async () => {
      await bed.deploy(functionOf('report', SOURCE))
      await bed.apply(triggerOf('report', 'report', { cron: { schedule: '* * * * *', payload: '{"n":60}' } }))
      await bed.eventually('a tick was seen', async () => (await seen('report')).some(({ n }) => n === 60), 180_000)
    })
  },
  { kafka: true },
)

interface Seen {
  n: number
  id: string
  mended: string
}

/** Logs are JSON themselves when the platform writes them so. */
const unescaped = (text: string): string => text.replaceAll('\\"', '"')

/** Outside suites that run there is none, and jest reads them all the same. */
function told(): { kafka: string[] } {
  try {
    const { kafka } = e2e()
    return { kafka: 'missing' in kafka ? ['127.0.0.1:1'] : kafka.forTests }
  } catch {
    return { kafka: ['127.0.0.1:1'] }
  }
}
