/**
 * Kafka in a container, for machines with a container engine and no JDK: one node of Apache's own image, ended with whoever started it.
 * https://hub.docker.com/r/apache/kafka
 */
import type { ContainerRuntimeClient } from 'testcontainers'
import { errorText } from '../../lib/error-text.ts'
import { holdFreePort } from '../../local/free-port.ts'
import { countBrokers } from './ask-broker.ts'
import { BROKER_HOST, brokerSettings } from './broker-properties.ts'
import { KAFKA_VERSION } from './jars.ts'
import { KafkaSetupError } from './kafka-setup-error.ts'

export const KAFKA_IMAGE = `apache/kafka:${KAFKA_VERSION}`
const START_MS = 60_000
/** Inside: where the image may write. */
const DATA = '/tmp/kraft-combined-logs'

export interface ContainerKafkaOptions {
  /** At which the engine's ports are reached. */
  host: string
  /** On the engine's machine; default: a free one of this one. */
  port?: number | undefined
  /** Overrule server.properties. */
  settings?: Readonly<Record<string, string>> | undefined
}

/** Whether an engine runs and has the image, which it fetches. Throws KafkaSetupError `no-containers` or `fetch-failed`. */
export async function findContainers(onFetch?: (image: string) => void): Promise<{ host: string }> {
  const { getContainerRuntimeClient, ImageName } = await import('testcontainers')
  const client: ContainerRuntimeClient = await getContainerRuntimeClient().catch((error: unknown) => {
    throw new KafkaSetupError('no-containers', 'no container engine answers', { cause: error })
  })
  const image = ImageName.fromString(KAFKA_IMAGE)
  if (!(await client.image.exists(image))) {
    onFetch?.(KAFKA_IMAGE)
    await client.image.pull(image).catch((error: unknown) => {
      throw new KafkaSetupError('fetch-failed', `the image ${KAFKA_IMAGE} cannot be fetched: ${errorText(error)}`)
    })
  }
  return { host: client.info.containerRuntime.host }
}

/** Settles when it serves; throws KafkaSetupError `start-failed`. */
export async function startContainerKafka(
  options: ContainerKafkaOptions,
): Promise<{ brokers: string[]; stop(): Promise<void> }> {
  const { GenericContainer, Wait } = await import('testcontainers')
  const { host } = options
  const port = options.port ?? (await freePort())
  const container = await new GenericContainer(KAFKA_IMAGE)
    .withEnvironment(environment({ ...options, port }))
    .withExposedPorts({ container: port, host: port })
    .withWaitStrategy(Wait.forLogMessage(/Kafka Server started/))
    .withStartupTimeout(START_MS)
    .start()
    .catch((error: unknown) => {
      throw new KafkaSetupError('start-failed', `${KAFKA_IMAGE} does not start: ${errorText(error)}`, { cause: error })
    })
  const stop = async () => void (await container.stop())
  try {
    await countBrokers(host, port, START_MS)
  } catch (error) {
    await stop()
    throw new KafkaSetupError('start-failed', `${KAFKA_IMAGE} runs, and ${errorText(error)}`, { cause: error })
  }
  return { brokers: [`${host}:${port}`], stop }
}

/** Its settings as the image takes them: `log.dirs` is KAFKA_LOG_DIRS. */
export function environment({
  host,
  port,
  settings,
}: ContainerKafkaOptions & { port: number }): Record<string, string> {
  const node = { id: 1, port, controllerPort: port === 29_093 ? 29_094 : 29_093 }
  const own = {
    // Inside all addresses are its own; outside it has the engine's.
    listeners: `PLAINTEXT://:${port},CONTROLLER://:${node.controllerPort}`,
    'advertised.listeners': `PLAINTEXT://${host}:${port}`,
    ...settings,
  }
  const all = brokerSettings({ node, nodes: [node], directory: DATA, settings: own })
  return Object.fromEntries(
    Object.entries(all).map(([name, value]) => [`KAFKA_${name.toUpperCase().replaceAll('.', '_')}`, value]),
  )
}

async function freePort(): Promise<number> {
  const held = await holdFreePort(BROKER_HOST)
  await held.release()
  return held.port
}
