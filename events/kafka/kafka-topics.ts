/** Making, deleting and describing topics, where they begin and end, and what groups have committed in them. */
import type { Clock } from '../../lib/clock.ts'
import { pause } from '../../lib/pause.ts'
import {
  checkTopicName,
  EventLogError,
  MAX_RECORD_BYTES,
  TOPIC_PATTERN,
  type CommittedOffset,
  type PartitionEnds,
  type TopicSpec,
} from '../event-log.ts'
import { attempt } from './attempts.ts'
import { CODES, deniedError, throwCode } from './error-codes.ts'
import { isDenied, type KafkaClient, type TopicsView } from './kafka-client.ts'
import { EARLIEST, LATEST, listOffsets } from './list-offsets.ts'
import { withCodes, type TopicPartitions } from './wire.ts'

export interface KafkaTopicsOptions {
  client: KafkaClient
  clock: Clock
  timeoutMs: number
  /** Aborts when the log is closed: what is not done then is not, and nobody connects again for it. */
  signal?: AbortSignal
  /** Absent: the cluster's default. */
  replicationFactor?: number
  /** Of topics made by their first record; absent: the cluster's default (num.partitions). */
  defaultPartitions?: number
}

/** Room for what Dormouse adds when it moves the largest record that Kafka takes by default, and for the batch around it. */
const MAX_BATCH_BYTES = MAX_RECORD_BYTES + 128 * 1024
const CLUSTER_DEFAULT = -1
const REQUEST_TIMEOUT_MS = 10_000
/** Brokers hear of a change soon after the controller has made it. */
const LOOK_EVERY_MS = 20
const TOPIC_RESOURCE = 2
/** As retention.ms says it. */
const UNLIMITED = -1

export class KafkaTopics {
  readonly #options: KafkaTopicsOptions

  constructor(options: KafkaTopicsOptions) {
    this.#options = options
  }

  /** Which of them exist. */
  view(topics?: readonly string[]): Promise<TopicsView> {
    return this.#attempt('asking for topics', () => this.#options.client.topics(topics))
  }

  /** Settles when they are there, and those that were made can be used. True: some were made. */
  async ensure(specs: readonly TopicSpec[]): Promise<boolean> {
    for (const { topic } of specs) checkTopicName(topic)
    const wanted = new Map([...specs].reverse().map((spec) => [spec.topic, spec]))
    const there = await this.view([...wanted.keys()])
    // One with a partition without a leader is there: its others can be written, and that one when it is led again.
    const missing = [...wanted.values()].filter(({ topic }) => !there.has(topic))
    if (missing.length === 0) return false
    await this.#attempt('making topics', () => this.#create(missing))
    const names = missing.map(({ topic }) => topic)
    await this.#until(names, (view) => names.every((name) => isUsable(view, name)))
    return true
  }

  /** With the cluster's default number of partitions. */
  async ensureDefault(topic: string): Promise<void> {
    await this.ensure([{ topic, partitions: this.#options.defaultPartitions ?? CLUSTER_DEFAULT }])
  }

  async delete(topics: readonly string[]): Promise<void> {
    const there = await this.view(topics.filter((topic) => TOPIC_PATTERN.test(topic)))
    const names = [...there.keys()]
    if (names.length === 0) return
    await this.#attempt('deleting topics', async () => {
      const broker = withCodes(await this.#options.client.controller())
      const { topicErrors } = await broker.deleteTopics({ topics: names, timeout: REQUEST_TIMEOUT_MS })
      for (const { topic, errorCode } of topicErrors)
        if (errorCode !== CODES.UNKNOWN_TOPIC_OR_PARTITION) throwCode(errorCode, `deleting ${topic}`)
    })
    await this.#until(names, (view) => view.size === 0)
  }

  async describe(topics?: readonly string[]): Promise<Required<TopicSpec>[]> {
    const view = await this.view(topics)
    const names = [...new Set(topics ?? view.keys())]
    const retentions = await this.#attempt('reading topics’ settings', () => this.#retentions([...view.keys()]))
    return names.flatMap((topic) => {
      const [partitions, retentionMs] = [view.get(topic)?.length, retentions.get(topic)]
      return partitions === undefined || retentionMs === undefined ? [] : [{ topic, partitions, retentionMs }]
    })
  }

  ends(topic: string): Promise<PartitionEnds[]> {
    return this.#attempt(`reading where ${topic} ends`, async () => {
      const { client } = this.#options
      const view = await client.topics([topic])
      const partitions = view.get(topic)
      if (isDenied(view, topic)) throw deniedError(topic)
      if (partitions === undefined)
        throw new EventLogError('unknown-topic', `expected a topic that exists, got ${JSON.stringify(topic)}`)
      const ids = partitions.map(({ partition }) => ({ topic, partition }))
      const [begins, ends] = [
        await listOffsets({ client, view, partitions: ids }, EARLIEST),
        await listOffsets({ client, view, partitions: ids }, LATEST),
      ]
      return ids.map(({ partition }, index) => ({ partition, begin: begins[index] ?? 0, end: ends[index] ?? 0 }))
    })
  }

  committed(group: string, topics?: readonly string[]): Promise<CommittedOffset[]> {
    return this.#attempt(`reading what ${group} has committed`, async () => {
      const { client } = this.#options
      const view = topics === undefined ? undefined : await client.topics(topics)
      if (view?.size === 0) return []
      const asked = [...(view ?? [])].map(([topic, partitions]) => ({
        topic,
        partitions: partitions.map(({ partition }) => ({ partition })),
      }))
      const found = await readCommitted(client, group, asked)
      // The broker forgets those of topics that were deleted a little later.
      const there = view ?? (await client.topics(found.map(({ topic }) => topic)))
      return found.filter(({ topic }) => there.has(topic))
    })
  }

  async #create(specs: readonly TopicSpec[]): Promise<void> {
    const broker = withCodes(await this.#options.client.controller())
    const topics = specs.map(({ topic, partitions, retentionMs }) => ({
      topic,
      numPartitions: partitions,
      replicationFactor: this.#options.replicationFactor ?? CLUSTER_DEFAULT,
      configEntries: [
        { name: 'max.message.bytes', value: String(MAX_BATCH_BYTES) },
        ...(retentionMs === undefined ? [] : [{ name: 'retention.ms', value: String(retentionMs) }]),
      ],
    }))
    const { topicErrors } = await broker.createTopics({ topics, timeout: REQUEST_TIMEOUT_MS })
    for (const { topic, errorCode, errorMessage } of topicErrors) {
      if (errorCode === CODES.TOPIC_ALREADY_EXISTS) continue
      throwCode(errorCode, `making ${topic}${errorMessage == null ? '' : ` (${errorMessage})`}`)
    }
  }

  async #retentions(topics: readonly string[]): Promise<Map<string, number>> {
    if (topics.length === 0) return new Map()
    const broker = withCodes(await this.#options.client.controller())
    const { resources } = await broker.describeConfigs({
      resources: topics.map((name) => ({ type: TOPIC_RESOURCE, name, configNames: ['retention.ms'] })),
    })
    return new Map(
      resources.flatMap(({ errorCode, resourceName, configEntries }) =>
        // Gone since we asked which there are. Of one whose settings are not ours to see nobody knows for how long it keeps records.
        errorCode === CODES.UNKNOWN_TOPIC_OR_PARTITION
          ? []
          : [[resourceName, Number(configEntries[0]?.configValue ?? UNLIMITED)] as const],
      ),
    )
  }

  async #until(topics: readonly string[], holds: (view: TopicsView) => boolean): Promise<void> {
    const { clock, timeoutMs, signal } = this.#options
    const untilMs = clock.now() + timeoutMs
    while (!holds(await this.view(topics))) {
      if (clock.now() > untilMs)
        throw new EventLogError('unavailable', `expected the brokers to know of changes to ${topics.join(', ')} by now`)
      await pause(clock, LOOK_EVERY_MS, signal)
    }
  }

  async #attempt<T>(what: string, action: () => Promise<T>): Promise<T> {
    const { client, clock, timeoutMs, signal } = this.#options
    if (signal?.aborted === true) throw new EventLogError('closed', `${what} was given up: the event log is closed`)
    const beforeRetry = () => client.refresh()
    return attempt(what, action, { clock, timeoutMs, beforeRetry, ...(signal && { signal }) })
  }
}

/** Of the given partitions, or of all that the group has committed. */
export async function readCommitted(
  client: KafkaClient,
  group: string,
  topics: TopicPartitions<{ partition: number }>[],
): Promise<CommittedOffset[]> {
  const broker = withCodes(await client.coordinator(group))
  const { responses, errorCode: whole = CODES.NONE } = await broker.offsetFetch({ groupId: group, topics })
  throwCode(whole, `reading the commits of ${group}`)
  return responses.flatMap(({ topic, partitions }) =>
    partitions.flatMap(({ partition, offset, metadata, errorCode }) => {
      throwCode(errorCode, `reading the commit of ${topic}/${partition}`)
      return Number(offset) < 0 ? [] : [{ topic, partition, offset: Number(offset), metadata: metadata ?? '' }]
    }),
  )
}

/** It exists and all its partitions are led. */
function isUsable(view: TopicsView, topic: string): boolean {
  return view.get(topic)?.every(({ leader }) => leader !== undefined) === true
}
