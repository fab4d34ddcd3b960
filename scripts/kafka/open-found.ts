import { startContainerKafka } from './container-kafka.ts'
import type { FoundKafka } from './find-kafka.ts'
import { KafkaSetupError } from './kafka-setup-error.ts'
import { startLocalKafka, type LocalKafkaOptions } from './local-kafka.ts'

export interface OpenedKafka {
  /** "Kafka 4.1.0, local JDK". */
  name: string
  brokers: string[]
  /** Of one that was there before: leaves it as it is. */
  stop(): Promise<void>
}

/** The one that was found, or one that is started for the caller. Throws KafkaSetupError `start-failed`. */
export async function openFound(
  found: Extract<FoundKafka, { kind: 'available' }>,
  options: Omit<LocalKafkaOptions, 'java' | 'jars'> = {},
): Promise<OpenedKafka> {
  const { name } = found
  if (found.source === 'environment') return { name, brokers: found.brokers, stop: async () => undefined }
  if (found.source === 'container') {
    if (options.nodes === 3)
      throw new KafkaSetupError('start-failed', 'in a container there is one node: three need a JDK, or KAFKA_BROKERS')
    return { name, ...(await startContainerKafka({ ...options, host: found.host, port: options.firstPort })) }
  }
  const kafka = await startLocalKafka({ ...options, java: found.java, jars: found.jars })
  return { name, brokers: kafka.brokers, stop: () => kafka.stop() }
}
