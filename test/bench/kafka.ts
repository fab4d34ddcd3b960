/** What the dispatcher on Kafka is measured beside, and the Kafka for it. */
import { Kafka, logLevel } from 'kafkajs'
import type { EventLog } from '../../events/event-log.ts'
import { findKafkaIn } from '../../scripts/kafka/find-kafka.ts'
import { openFound, type OpenedKafka } from '../../scripts/kafka/open-found.ts'

/** Ends the process when there can be none. */
export async function benchKafka(): Promise<OpenedKafka> {
  const found = await findKafkaIn({ env: process.env })
  if (found.kind === 'missing') {
    console.log(`skipped: ${found.reason}`)
    process.exit(0)
  }
  return openFound(found, { heapMb: 1_024, optimize: true })
}

/** Records per second read and thrown away, joining the group included. */
export async function consumeOnly(log: EventLog, topic: string, count: number): Promise<number> {
  const startedAt = performance.now()
  let left = count
  await new Promise<void>((resolve) => {
    const consumer = log.consumer({
      ...{ group: `consume-${topic}`, topics: [topic], startFrom: 'earliest' },
      onAssigned: () => undefined,
      onRevoked: async () => undefined,
      onRecords: (_partition, records) => {
        left -= records.length
        if (left <= 0) void consumer.close().then(resolve)
      },
    })
  })
  return (count / (performance.now() - startedAt)) * 1_000
}

/** The loop a first version would be: kafkajs, one call of the function at a time, commits as kafkajs makes them. */
export async function oneAtATime(
  brokers: readonly string[],
  { topic, count, call }: { topic: string; count: number; call: () => Promise<void> },
): Promise<number> {
  const kafka = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING })
  const consumer = kafka.consumer({ groupId: `loop-${topic}` })
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  const startedAt = performance.now()
  let left = count
  await new Promise<void>((resolve, reject) => {
    const eachMessage = async () => {
      await call()
      if (--left === 0) resolve()
    }
    consumer.run({ eachMessage }).catch(reject)
  })
  const rate = (count / (performance.now() - startedAt)) * 1_000
  await consumer.disconnect()
  return rate
}
