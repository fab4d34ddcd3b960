/**
 * Which Kafka tests and development get: the one KAFKA_BROKERS names, else one of our own on the machine's JDK, else one in a container, else
 * the reason why there is none.
 */
import { parseBrokers } from '../../lib/brokers.ts'
import { findContainers, KAFKA_IMAGE } from './container-kafka.ts'
import { findJava } from './java.ts'
import { ensureJars, KAFKA_VERSION } from './jars.ts'
import { KafkaSetupError } from './kafka-setup-error.ts'

export type FoundKafka =
  | { kind: 'available'; source: 'environment'; name: string; brokers: string[] }
  | { kind: 'available'; source: 'local'; name: string; java: string; jars: string }
  | { kind: 'available'; source: 'container'; name: string; host: string }
  | { kind: 'missing'; reason: string }

export interface FindOptions {
  env: NodeJS.ProcessEnv
  /** Told before what it needs is fetched, which takes a while: "Kafka from Maven Central into /home/ada/.cache/… (once, 43 MB)". */
  onFetch?: ((what: string) => void) | undefined
  /** For tests. */
  containers?: typeof findContainers
}

/** Fetches the jars when they are needed and not there yet. */
export async function findKafkaIn({ env, onFetch, containers = findContainers }: FindOptions): Promise<FoundKafka> {
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
  const onJars = (directory: string) => onFetch?.(`Kafka from Maven Central into ${directory} (once, 43 MB)`)
  const reasons = ['KAFKA_BROKERS is not set']
  const onImage = (image: string) => onFetch?.(`the image ${image} (once)`)
  for (const find of [() => findLocal(env, onJars), async () => inContainer(await containers(onImage))]) {
    try {
      return await find()
    } catch (error) {
      if (!(error instanceof KafkaSetupError)) throw error
      reasons.push(error.message)
    }
  }
  return { kind: 'missing', reason: reasons.join(', and ') }
}

async function findLocal(env: NodeJS.ProcessEnv, onFetch: (directory: string) => void): Promise<FoundKafka> {
  const java = await findJava(env)
  const jars = await ensureJars({ env, onFetch })
  return { kind: 'available', source: 'local', name: `Kafka ${KAFKA_VERSION}, local JDK`, java, jars }
}

function inContainer({ host }: { host: string }): FoundKafka {
  return { kind: 'available', source: 'container', name: `Kafka in a container of ${KAFKA_IMAGE}`, host }
}
