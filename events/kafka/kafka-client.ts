/**
 * Connections to a Kafka cluster, through kafkajs. Connects when it is first asked something, and anew when a connection is lost; what it
 * is asked fails meanwhile. Topics that do not exist are no errors: the answer does not name them.
 */
import { Kafka, logLevel, type KafkaConfig } from 'kafkajs'
import type { Logger } from '../../lib/logger.ts'
import { breakConnection, mend } from './connections.ts'
import { CODES, kafkaCode } from './error-codes.ts'
import { openSocket, withoutColons } from './ipv6-brokers.ts'
import { withCodes, type Broker, type Cluster, type RawMetadata } from './wire.ts'

export interface KafkaConnectOptions {
  /** `host:port` each; one that answers is enough. */
  brokers: readonly string[]
  /** As brokers name us in their logs and quotas. */
  clientId?: string
  /** True: the system's authorities. PEM texts otherwise. */
  tls?: boolean | { ca?: string; cert?: string; key?: string; servername?: string; rejectUnauthorized?: boolean }
  sasl?: { mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'; username: string; password: string }
  logger: Logger
  /** For a broker to answer; what waits there by intention has longer. */
  timeoutMs?: number
}

export interface TopicPartition {
  partition: number
  /** Undefined: none at the moment. */
  leader: number | undefined
}

/** Those that exist, of those asked for. */
export type TopicsView = ReadonlyMap<string, readonly TopicPartition[]> & {
  /** Asked for by name, and not ours to see: whether they exist is not known. */
  readonly denied?: ReadonlySet<string>
}

export const isDenied = (view: TopicsView, topic: string): boolean => view.denied?.has(topic) === true

const TIMEOUT_MS = 10_000
const CONNECTION_TIMEOUT_MS = 3_000
/** kafkajs tries again a little by itself; the rest is decided by whoever asks. */
const RETRY = { retries: 2, initialRetryTime: 50, maxRetryTime: 500, factor: 0.2, multiplier: 2 }
/** No topic of this name can be made. Asking for it is asking for brokers only: an empty list would mean all topics. */
const NO_TOPIC = '.'
const ALL_TOPICS: string[] = []
/** Kinds of coordinators. */
const COORDINATOR = { group: 0, transaction: 1 } as const

export class KafkaClient {
  readonly #cluster: Cluster
  #connecting: Promise<void> | undefined

  constructor(options: KafkaConnectOptions) {
    this.#cluster = clusterOf(options)
  }

  /** Of all topics when none are named. */
  async topics(topics?: readonly string[]): Promise<TopicsView> {
    if (topics?.length === 0) return new Map()
    await this.#connect()
    const broker = await this.#cluster.brokerPool.findConnectedBroker()
    const answer = await broker.metadata(topics === undefined ? ALL_TOPICS : [...new Set(topics)])
    if (hasMoved(this.#cluster, answer)) await this.refresh()
    return viewOf(answer)
  }

  async broker(nodeId: number): Promise<Broker> {
    await this.#connect()
    // One that joined later is found by asking who is there.
    if (!this.#cluster.getNodeIds().includes(String(nodeId))) await this.#cluster.refreshMetadata()
    return this.#cluster.findBroker({ nodeId: String(nodeId) })
  }

  async controller(): Promise<Broker> {
    await this.#connect()
    return this.#cluster.findControllerBroker()
  }

  /** Of a group, or of a transactional id. */
  async coordinator(groupId: string, kind: keyof typeof COORDINATOR = 'group'): Promise<Broker> {
    const asked = { groupId, coordinatorType: COORDINATOR[kind] }
    await this.#connect()
    try {
      return await this.#cluster.findGroupCoordinator(asked)
    } catch (error) {
      // kafkajs asks those it knows, and nobody else, where they are. Known now, it is found without the caller's next pause.
      await this.refresh().catch(() => undefined)
      if (kafkaCode(error) !== undefined) throw error
      await this.#askForCoordinator(asked)
      return await this.#cluster.findGroupCoordinator(asked)
    }
  }

  /** kafkajs does not tell why nobody could say who has it. Throws what the broker answered. */
  async #askForCoordinator(asked: { groupId: string; coordinatorType: number }): Promise<void> {
    const broker = await this.#cluster.brokerPool.findConnectedBroker()
    await broker.findGroupCoordinator(asked)
  }

  /** Who leads, or is there, may have changed. */
  refresh(): Promise<void> {
    return this.#cluster.refreshMetadata()
  }

  /** What is on its way fails. Whoever asks again connects again. */
  async close(): Promise<void> {
    const { brokers, seedBroker } = this.#cluster.brokerPool
    const known = new Set([...Object.values(brokers), ...(seedBroker === undefined ? [] : [seedBroker])])
    const connections = [...known].flatMap(({ connectionPool }) => connectionPool.pool)
    const breakAll = () => Promise.all(connections.map((connection) => breakConnection(connection)))
    await breakAll()
    const disconnected = this.#cluster.disconnect()
    // Whoever has connected in between is waited for by kafkajs, however long the answer takes.
    await breakAll()
    await disconnected
  }

  /** One at a time: of two that connect at once kafkajs takes the connection of the one away for the other. */
  #connect(): Promise<void> {
    this.#connecting ??= this.#connectNow().finally(() => (this.#connecting = undefined))
    return this.#connecting
  }

  async #connectNow(): Promise<void> {
    if (!this.#cluster.isConnected()) await this.#cluster.connect()
    if (this.#cluster.getNodeIds().length === 0) await this.#cluster.refreshMetadata()
  }
}

/** One that we know has another address: who answers under the old one, if anybody, is not asked for what it leads. */
function hasMoved({ brokerPool }: Cluster, { brokers }: RawMetadata): boolean {
  return brokers.some(({ nodeId, host, port }) => {
    const known = brokerPool.brokers[nodeId]?.connectionPool
    return known !== undefined && (known.host !== host || known.port !== port)
  })
}

function viewOf({ topicMetadata }: RawMetadata): TopicsView {
  const view = new Map<string, TopicPartition[]>()
  const denied = new Set<string>()
  for (const { topic, topicErrorCode, isInternal, partitionMetadata } of topicMetadata) {
    if (topicErrorCode === CODES.TOPIC_AUTHORIZATION_FAILED) denied.add(topic)
    if (topicErrorCode !== CODES.NONE || isInternal === true) continue
    const partitions = partitionMetadata.map(({ partitionId, leader }) => ({
      partition: partitionId,
      leader: leader < 0 ? undefined : leader,
    }))
    view.set(
      topic,
      partitions.sort((a, b) => a.partition - b.partition),
    )
  }
  return Object.assign(view, { denied })
}

/** kafkajs makes one per consumer and hands it to the assigner of partitions, which is never asked for anything here. */
function clusterOf(options: KafkaConnectOptions): Cluster {
  let cluster: Cluster | undefined
  new Kafka(configOf(options)).consumer({
    groupId: 'unused',
    allowAutoTopicCreation: false,
    partitionAssigners: [
      (given) => {
        cluster = given.cluster as unknown as Cluster
        return { name: 'unused', version: 0, assign: async () => [], protocol: () => ({ name: '', metadata: NOTHING }) }
      },
    ],
  })
  if (cluster === undefined) throw new Error('expected kafkajs to ask for an assigner at once')
  const { brokerPool } = cluster
  const create = brokerPool.createBroker.bind(brokerPool)
  brokerPool.createBroker = (made) => {
    const broker = forgiving(create(made))
    broker.connectionPool.pool.forEach(mend)
    return broker
  }
  return cluster
}

const NOTHING = Buffer.alloc(0)

/** kafkajs refreshes all topics it knows at once, and for it one that was deleted fails them all. */
function forgiving(broker: Broker): Broker {
  const ask = broker.metadata.bind(withCodes(broker))
  broker.metadata = async (topics) => ask(topics.length === 0 && topics !== ALL_TOPICS ? [NO_TOPIC] : topics)
  return broker
}

function configOf({
  brokers,
  clientId = 'dormouse',
  tls,
  sasl,
  logger,
  timeoutMs = TIMEOUT_MS,
}: KafkaConnectOptions): KafkaConfig {
  return {
    brokers: brokers.map(withoutColons),
    socketFactory: openSocket,
    clientId,
    connectionTimeout: CONNECTION_TIMEOUT_MS,
    requestTimeout: timeoutMs,
    retry: RETRY,
    ...(tls === undefined ? {} : { ssl: tls }),
    ...(sasl === undefined ? {} : { sasl: sasl as NonNullable<KafkaConfig['sasl']> }),
    logLevel: logLevel.WARN,
    // What matters of it comes back as an error and is logged where it is handled.
    logCreator:
      () =>
      ({ log: { message, timestamp: _, ...fields } }) =>
        logger.debug(`kafkajs: ${message}`, fields),
  }
}
