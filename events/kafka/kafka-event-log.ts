/**
 * The event log on Apache Kafka, 2.4 or later. Nothing is asked of a cluster before it is needed, and one that cannot be reached is no error
 * here: calls fail with `unavailable` meanwhile, and consumers join when they can. One connection for topics, one for writing, one
 * for heartbeats, one per consumer, each to every broker that it needs.
 */
import { monotonicClock, type Clock } from '../../lib/clock.ts'
import { within } from '../../lib/within.ts'
import {
  EventLogError,
  type CommittedOffset,
  type Consumer,
  type ConsumerOptions,
  type EventLog,
  type NewRecord,
  type PartitionEnds,
  type RecordPosition,
  type TopicSpec,
} from '../event-log.ts'
import { Heartbeats } from './heartbeats.ts'
import { KafkaClient, type KafkaConnectOptions } from './kafka-client.ts'
import { KafkaConsumer } from './kafka-consumer.ts'
import type { GroupTimes } from './membership.ts'
import { KafkaTopics } from './kafka-topics.ts'
import { KafkaSender } from './kafka-sender.ts'
import { TopicWatch } from './topic-watch.ts'

export interface KafkaLogOptions extends KafkaConnectOptions, Partial<GroupTimes> {
  /** Of topics made here; absent: the cluster's default. */
  replicationFactor?: number
  /** Of topics made by their first record; absent: the cluster's default. */
  defaultPartitions?: number
  /** How long a call tries, and a broker may take to answer, before it counts as unavailable. */
  timeoutMs?: number
  /** How often consumers look for topics and partitions that appear or go. */
  topicsEveryMs?: number
  /** Consumers that ask for it hand records over, in transactions. Needs Kafka 2.5; see docs/events.md. */
  transactions?: boolean
  clock?: Clock
  /** Epoch milliseconds. */
  now?: () => number
}

const DEFAULTS = {
  ...{ sessionTimeoutMs: 10_000, rebalanceTimeoutMs: 20_000, heartbeatMs: 3_000 },
  ...{ timeoutMs: 10_000, topicsEveryMs: 2_000, clock: monotonicClock, now: Date.now },
}
/** A change of topics waits so long for consumers that want to know how it was before. */
const LOOK_MS = 2_000

export function openKafkaEventLog(options: KafkaLogOptions): EventLog {
  return new KafkaEventLog(options)
}

class KafkaEventLog implements EventLog {
  readonly #options: KafkaLogOptions & typeof DEFAULTS
  readonly #clients: readonly KafkaClient[]
  readonly #topics: KafkaTopics
  readonly #sender: KafkaSender
  readonly #watch: TopicWatch
  readonly #heartbeats: Heartbeats
  readonly #consumers = new Set<KafkaConsumer>()
  /** Once nothing is sent any more either. */
  readonly #closed = new AbortController()
  #closing: Promise<void> | undefined

  constructor(given: KafkaLogOptions) {
    const options = { ...DEFAULTS, ...given }
    const { clock, timeoutMs, now } = options
    const newClient = () => new KafkaClient(options)
    const [forTopics, forWriting, forHeartbeats] = [newClient(), newClient(), newClient()]
    this.#options = options
    this.#heartbeats = new Heartbeats(forHeartbeats)
    this.#clients = [forTopics, forWriting, forHeartbeats]
    this.#topics = new KafkaTopics({ ...options, client: forTopics, signal: this.#closed.signal })
    const make = async (topic: string) => {
      await this.#looked()
      await this.#topics.ensureDefault(topic)
      this.#watch.lookNow()
    }
    this.#sender = new KafkaSender({ client: forWriting, clock, now, timeoutMs, make })
    this.#watch = new TopicWatch({
      ...{ clock, everyMs: options.topicsEveryMs },
      wanted: () => new Set([...this.#consumers].flatMap(({ topics }) => [...topics])),
      look: (topics) => forTopics.topics(topics),
      onView: (view, asked) => this.#consumers.forEach((consumer) => consumer.saw(view, asked)),
    })
  }

  async ensureTopics(topics: readonly TopicSpec[]): Promise<void> {
    this.#checkOpen()
    await this.#looked()
    if (await this.#topics.ensure(topics)) this.#watch.lookNow()
  }

  async deleteTopics(topics: readonly string[]): Promise<void> {
    this.#checkOpen()
    await this.#looked()
    await this.#topics.delete(topics)
    this.#sender.forget(topics)
    for (const consumer of this.#consumers) consumer.topicsGone(topics)
    this.#watch.lookNow()
  }

  async describe(topics?: readonly string[]): Promise<Required<TopicSpec>[]> {
    this.#checkOpen()
    return this.#topics.describe(topics)
  }

  async endOffsets(topic: string): Promise<PartitionEnds[]> {
    this.#checkOpen()
    return this.#topics.ends(topic)
  }

  async committed(group: string, topics?: readonly string[]): Promise<CommittedOffset[]> {
    this.#checkOpen()
    return this.#topics.committed(group, topics)
  }

  async send(records: readonly NewRecord[]): Promise<RecordPosition[]> {
    this.#checkOpen()
    return records.length === 0 ? [] : this.#sender.send(records)
  }

  consumer(options: ConsumerOptions): Consumer {
    this.#checkOpen()
    const { clock, sessionTimeoutMs, rebalanceTimeoutMs, heartbeatMs, now, timeoutMs } = this.#options
    const isHandingOver = this.#options.transactions === true && options.handsOver === true
    const place = (records: readonly NewRecord[]) => this.#sender.place(records)
    const heartbeats = this.#heartbeats
    const consumer: KafkaConsumer = new KafkaConsumer(options, {
      ...{
        client: new KafkaClient(this.#options),
        heartbeats,
        clock,
        sessionTimeoutMs,
        rebalanceTimeoutMs,
        heartbeatMs,
      },
      transactions: isHandingOver ? { clock, now, timeoutMs, place } : undefined,
      onClosed: () => this.#consumers.delete(consumer),
    })
    this.#consumers.add(consumer)
    this.#watch.start()
    return consumer
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    // What consumers still have to send when they let go is sent.
    await Promise.all([...this.#consumers].map((consumer) => consumer.close()))
    this.#isClosed = true
    await Promise.all([this.#watch.stop(), this.#sender.close()])
    this.#closed.abort()
    await Promise.all(this.#clients.map((client) => client.close().catch(() => undefined)))
  }

  #isClosed = false

  /** Consumers know which topics were there before this change. */
  async #looked(): Promise<void> {
    await within(this.#options.clock, LOOK_MS, Promise.all([...this.#consumers].map(({ looked }) => looked)))
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new EventLogError('closed', 'expected an open event log, it is closed')
  }
}
