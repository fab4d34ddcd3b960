/** The Kafka of a demo: the one of KAFKA_BROKERS, else one that is started for it and gone with it. */
import { findKafkaIn } from '../kafka/find-kafka.ts'
import { startLocalKafka } from '../kafka/local-kafka.ts'
import { DemoError } from './platform-view.ts'

export interface DemoKafka {
  brokers: readonly string[]
  stop(): Promise<void>
}

/** Throws DemoError: there is none, and why. */
export async function startDemoKafka(tell: (text: string) => void): Promise<DemoKafka> {
  const onFetch = (directory: string) => tell(`Kafka is fetched from Maven Central into ${directory} (once, 43 MB)`)
  const found = await findKafkaIn({ env: process.env, onFetch })
  if (found.kind === 'missing') throw new DemoError(found.reason)
  if (found.source === 'environment') {
    tell(`Events are on ${found.name}`)
    return { brokers: found.brokers, stop: async () => undefined }
  }
  const startedAt = performance.now()
  const { java, jars, name } = found
  const kafka = await startLocalKafka({ java, jars, optimize: true })
  tell(
    `Events are on ${name}, which was started at ${kafka.brokers.join(',')} in ${Math.round(performance.now() - startedAt)} ms`,
  )
  return kafka
}
