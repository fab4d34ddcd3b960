/** Which Kafka tests and development get: the one KAFKA_BROKERS names, else one of our own on the machine's JDK, else the reason why there is none. */
import { parseBrokers } from '../../lib/brokers.ts'
import { findJava } from './java.ts'
import { ensureJars, KAFKA_VERSION } from './jars.ts'
import { KafkaSetupError } from './kafka-setup-error.ts'

export type FoundKafka =
  | { kind: 'available'; source: 'environment'; name: string; brokers: string[] }
  | { kind: 'available'; source: 'local'; name: string; java: string; jars: string }
  | { kind: 'missing'; reason: string }

export interface FindOptions {
  env: NodeJS.ProcessEnv
  /** Told before the jars are fetched, which takes a while. */
  onFetch?: (directory: string) => void
}

/** Fetches the jars when they are needed and not there yet. */
export async function findKafkaIn({ env, onFetch }: FindOptions): Promise<FoundKafka> {
  const asked = env['KAFKA_BROKERS'] ?? ''
  const named = parseBrokers(asked)
  if (asked !== '' && named === undefined)
    return { kind: 'missing', reason: `expected host:port[,host:port…] in KAFKA_BROKERS, got ${asked}` }
  if (named !== undefined)
    return {
      kind: 'available',
      source: 'environment',
      name: `Kafka at KAFKA_BROKERS (${named.join(',')})`,
      brokers: named,
    }
  try {
    const java = await findJava(env)
    const jars = await ensureJars({ env, onFetch })
    return { kind: 'available', source: 'local', name: `Kafka ${KAFKA_VERSION}, local JDK`, java, jars }
  } catch (error) {
    if (!(error instanceof KafkaSetupError)) throw error
    // Containers are not tried: whoever runs them names their address in KAFKA_BROKERS.
    return { kind: 'missing', reason: `KAFKA_BROKERS is not set, and ${error.message}` }
  }
}
