/**
 * The embedded event log: partitions, groups and offsets as Kafka has them, in one SQLite file that belongs to one process.
 * Promises that what `send` and `commit` have settled survives the death of the process and of the machine; that many writes of one turn
 * cost one fsync; that consumers without anything to read cost nothing.
 */
import { monotonicClock, type Clock } from '../../lib/clock.ts'
import type { Logger } from '../../lib/logger.ts'
import type { Database } from '../../lib/sqlite/database.ts'
import {
  checkTopicName,
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
import { DEFAULT_RETENTION_MS as LEDGER_RETENTION_MS, type InvocationLedger } from '../invocation-ledger.ts'
import { Group } from './group.ts'
import { Positions } from './positions.ts'
import { Records } from './records.ts'
import { Retention } from './retention.ts'
import { openEventDatabase } from './schema.ts'
import { SqliteConsumer } from './sqlite-consumer.ts'
import { SqliteLedger } from './sqlite-ledger.ts'
import { Topics, type TopicDefaults } from './topics.ts'
import { Writer } from './writer.ts'

export interface SqliteEventLogOptions {
  /** Made when it does not exist. */
  path: string
  logger: Logger
  /** For timers. */
  clock?: Clock
  /** Epoch milliseconds. */
  now?: () => number
  /** Of topics made without saying; default 6 partitions, 7 days. */
  defaults?: Partial<TopicDefaults>
  ledgerRetentionMs?: number
  /** How long members may take to let go of partitions; default 10 s. */
  revokeTimeoutMs?: number
  /** Whether transactions may wait a few milliseconds while many writes come; default true. For tests with virtual time. */
  isPaced?: boolean
  /** Consumers that ask for it hand records over; default false. */
  transactions?: boolean
  /** The file grows no further, as on a disk that is full. */
  maxPages?: number
}

const DEFAULTS: TopicDefaults = { partitions: 6, retentionMs: 7 * 24 * 60 * 60_000 }

/** Throws StoreError: the file is locked, damaged or not ours. */
export function openSqliteEventLog(options: SqliteEventLogOptions): SqliteEventLog {
  return new SqliteEventLog(options)
}

export class SqliteEventLog implements EventLog {
  readonly ledger: InvocationLedger
  readonly retention: Retention
  readonly #database: Database
  readonly #options: SqliteEventLogOptions
  readonly #defaults: TopicDefaults
  readonly #clock: Clock
  readonly #now: () => number
  readonly #writer: Writer
  readonly #topics: Topics
  readonly #records: Records
  readonly #positions: Positions
  readonly #groups = new Map<string, Group>()
  readonly #consumers = new Set<SqliteConsumer>()
  #closing: Promise<void> | undefined
  #isClosed = false

  constructor(options: SqliteEventLogOptions) {
    const { path, clock = monotonicClock, now = Date.now, defaults, maxPages, ledgerRetentionMs, logger } = options
    this.#options = options
    this.#defaults = { ...DEFAULTS, ...defaults }
    this.#clock = clock
    this.#now = now
    const database = (this.#database = openEventDatabase(path))
    if (maxPages !== undefined) database.exec(`PRAGMA max_page_count = ${maxPages}`)
    const writer = (this.#writer = new Writer(database, path, options.isPaced))
    const topics = (this.#topics = new Topics(database))
    this.#records = new Records(database, topics, this.#defaults)
    this.#positions = new Positions(database, { topics, writer })
    writer.follower = {
      beforeCommit: () => topics.beforeCommit(),
      committed: () => this.#committed(),
      rolledBack: () => topics.rolledBack(),
    }
    this.ledger = new SqliteLedger({ database, writer, now })
    const keep = { ledgerRetentionMs: ledgerRetentionMs ?? LEDGER_RETENTION_MS }
    this.retention = new Retention({ database, writer, topics, clock, now, logger, ...keep })
    this.retention.start()
  }

  async ensureTopics(specs: readonly TopicSpec[]): Promise<void> {
    this.#checkOpen()
    for (const { topic, partitions } of specs) {
      checkTopicName(topic)
      if (!Number.isInteger(partitions) || partitions < 1 || partitions > 1_000)
        throw new EventLogError('invalid-topic', `expected 1 to 1000 partitions of ${topic}, got ${partitions}`)
    }
    // Unless one of them is about to be deleted.
    if (this.#writer.isIdle && specs.every(({ topic }) => this.#topics.get(topic) !== undefined)) return
    const { retentionMs } = this.#defaults
    await this.#writer.write(() => {
      for (const spec of specs) {
        if (this.#topics.get(spec.topic) === undefined) this.#topics.insert({ retentionMs, ...spec })
      }
    })
  }

  async deleteTopics(names: readonly string[]): Promise<void> {
    await this.#writer.write(() => {
      for (const topic of names.flatMap((name) => this.#topics.get(name) ?? [])) this.#topics.delete(topic)
    })
  }

  async describe(names?: readonly string[]): Promise<Required<TopicSpec>[]> {
    this.#checkOpen()
    const topics = names === undefined ? [...this.#topics.all()] : names.flatMap((name) => this.#topics.get(name) ?? [])
    return topics.map(({ name, partitions, retentionMs }) => ({
      topic: name,
      partitions: partitions.length,
      retentionMs,
    }))
  }

  async endOffsets(name: string): Promise<PartitionEnds[]> {
    this.#checkOpen()
    const topic = this.#topics.get(name)
    if (topic === undefined) throw new EventLogError('unknown-topic', `there is no topic ${name}`)
    return topic.partitions.map(({ partition, begin, end }) => ({ partition, begin, end }))
  }

  async committed(group: string, topics?: readonly string[]): Promise<CommittedOffset[]> {
    this.#checkOpen()
    const all = this.#positions.all(group)
    return topics === undefined ? all : all.filter(({ topic }) => topics.includes(topic))
  }

  async send(records: readonly NewRecord[]): Promise<RecordPosition[]> {
    this.#checkOpen()
    return records.length === 0 ? [] : this.#append(records)
  }

  consumer(options: ConsumerOptions): Consumer {
    if (this.#closing !== undefined) throw closed()
    const group = this.#group(options.group)
    const handsOver = options.handsOver === true && this.#options.transactions === true
    const consumer: SqliteConsumer = new SqliteConsumer(
      { ...options, handsOver },
      {
        topics: this.#topics,
        records: this.#records,
        positions: this.#positions,
        group,
        clock: this.#clock,
        append: (records, also) => this.#append(records, also),
        onClosed: () => {
          this.#consumers.delete(consumer)
          if (group.isEmpty) this.#groups.delete(options.group)
        },
      },
    )
    this.#consumers.add(consumer)
    group.join(consumer)
    return consumer
  }

  async #append(records: readonly NewRecord[], also: () => void = () => undefined): Promise<RecordPosition[]> {
    this.#records.check(records)
    return this.#writer.write(() => {
      also()
      return this.#records.append(records, this.#now())
    })
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.retention.stop()
    await Promise.all([...this.#consumers].map((consumer) => consumer.close()))
    this.#writer.close()
    this.#isClosed = true
    this.#database.close()
  }

  #group(name: string): Group {
    const known = this.#groups.get(name)
    if (known !== undefined) return known
    const { logger, revokeTimeoutMs = 10_000 } = this.#options
    const group = new Group({
      clock: this.#clock,
      partitionsOf: (topic) => this.#topics.get(topic)?.partitions ?? [],
      revokeTimeoutMs,
      settleCommits: () => this.#positions.settle(),
      onError: (error) => logger.warn('a consumer could not be given its partitions', { group: name, error }),
    })
    this.#groups.set(name, group)
    return group
  }

  #committed(): void {
    const { grown, changed } = this.#topics.committed()
    if (changed.size > 0) for (const group of this.#groups.values()) group.topicsChanged(changed)
    for (const partition of grown) for (const consumer of this.#consumers) consumer.wake(partition)
  }

  /** Everything but closing. */
  #checkOpen(): void {
    if (this.#isClosed) throw closed()
  }
}

const closed = () => new EventLogError('closed', 'expected an open event log, it is closed')
