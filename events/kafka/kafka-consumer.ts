/**
 * A consumer: joins its group, reads what it is told to, lets go when the group is shared out anew, and joins again. Whatever fails is said
 * through onError and tried again with a growing pause: a consumer ends when it is closed, never by itself.
 */
import { backoffMs } from '../../lib/backoff.ts'
import type { Clock } from '../../lib/clock.ts'
import { pause } from '../../lib/pause.ts'
import {
  EventLogError,
  MAX_METADATA_BYTES,
  partitionName,
  type CommittedOffset,
  type Consumer,
  type ConsumerOptions,
  type PartitionId,
} from '../event-log.ts'
import { GenerationLife } from './generation-life.ts'
import type { KafkaClient, TopicsView } from './kafka-client.ts'
import { KnownTopics } from './known-topics.ts'
import { EARLIEST, listOffsets } from './list-offsets.ts'
import { Membership, type Generation } from './membership.ts'
import { PartitionRead } from './partition-read.ts'
import { PartitionReader } from './partition-reader.ts'
import { startPositions } from './start-positions.ts'

export interface GroupTimes {
  /** Without a heartbeat for so long the group goes on without us. */
  sessionTimeoutMs: number
  /** Members that have not joined anew by then are left behind; half of it is for letting go. */
  rebalanceTimeoutMs: number
  heartbeatMs: number
}

export interface KafkaConsumerParts extends GroupTimes {
  /** Its own. */
  client: KafkaClient
  clock: Clock
  onClosed(): void
}

const MAX_RECORDS = 500
const BACKOFF = { firstMs: 100, longestMs: 10_000 }

export class KafkaConsumer implements Consumer {
  readonly #options: ConsumerOptions
  readonly #parts: KafkaConsumerParts
  readonly #membership: Membership
  readonly #closing = new AbortController()
  readonly #known = new KnownTopics()
  readonly #before = new Map<string, number | 'begin'>()
  readonly #running: Promise<void>
  #topics: ReadonlySet<string>
  #life: GenerationLife | undefined
  #reader: PartitionReader | undefined
  #closed: Promise<void> | undefined
  #wakeUp = new AbortController()
  /** Settles when it is known which topics existed when they were wanted. */
  looked: Promise<unknown>

  constructor(options: ConsumerOptions, parts: KafkaConsumerParts) {
    this.#options = options
    this.#parts = parts
    this.#topics = new Set(options.topics)
    this.#membership = new Membership({ ...parts, group: options.group })
    this.looked = this.#look().catch(() => undefined)
    this.#running = this.#run()
  }

  get topics(): ReadonlySet<string> {
    return this.#topics
  }

  pause(partitions: readonly PartitionId[]): void {
    for (const partition of partitions) this.#reader?.pause(partition)
  }

  resume(partitions: readonly PartitionId[]): void {
    for (const partition of partitions) this.#reader?.resume(partition)
  }

  seek(partition: PartitionId, offset: number): void {
    this.#reader?.seek(partition, offset)
  }

  async commit(offsets: readonly CommittedOffset[]): Promise<void> {
    for (const { metadata } of offsets) {
      const size = Buffer.byteLength(metadata)
      if (size > MAX_METADATA_BYTES)
        throw new EventLogError('too-large', `expected metadata of at most ${MAX_METADATA_BYTES} bytes, got ${size}`)
    }
    if (this.#life === undefined)
      throw new EventLogError('not-assigned', 'expected partitions that are ours, this consumer has none now')
    await this.#life.commit(offsets)
    for (const each of offsets) this.#before.delete(partitionName(each))
  }

  subscribe(topics: readonly string[]): void {
    const wanted = new Set(topics)
    if (wanted.size === this.#topics.size && topics.every((topic) => this.#topics.has(topic))) return
    this.#topics = wanted
    this.looked = this.#look().catch(() => undefined)
    this.#life?.end()
    this.#hurry()
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  /** These topics as they were when they were asked for, later than `askedMs`. */
  saw(view: TopicsView, askedMs: number): void {
    for (const topic of this.#topics) if (!view.has(topic)) this.#forget(topic)
    const life = this.#life
    if (life === undefined || life.startedMs > askedMs) return
    const { counts, topics } = life.generation
    if (topics.some((topic) => (counts.get(topic) ?? 0) !== (view.get(topic)?.length ?? 0))) life.end()
  }

  /** They were deleted: nothing can be committed in them any more. */
  topicsGone(topics: readonly string[]): void {
    for (const topic of topics) this.#forget(topic)
    const isGone = ({ id }: PartitionRead) => topics.includes(id.topic)
    if (this.#life?.reads.some(isGone) !== true) return
    this.#life.drop(isGone)
    this.#life.end()
  }

  #forget(topic: string): void {
    this.#known.gone(topic)
    for (const name of this.#before.keys()) if (name.startsWith(`${topic}/`)) this.#before.delete(name)
  }

  async #look(): Promise<void> {
    const missing = this.#known.missing(this.#topics)
    if (missing.length > 0) this.#known.first(missing, await this.#parts.client.topics(missing))
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    let failures = 0
    while (!this.#isClosing) {
      const asked = this.#topics
      try {
        await this.looked
        await this.#look()
        const generation = await this.#membership.join([...asked], this.#closing.signal)
        await this.#live(generation, asked)
        failures = 0
      } catch (error) {
        if (this.#isClosing) return
        this.#report(error)
        failures++
        this.#wakeUp = new AbortController()
        await pause(this.#parts.clock, backoffMs(failures, BACKOFF), this.#wakeUp.signal)
      }
    }
  }

  async #live(generation: Generation, asked: ReadonlySet<string>): Promise<void> {
    const onError = (error: unknown) => this.#report(error)
    const life = new GenerationLife({ ...this.#parts, membership: this.#membership, generation, onError })
    this.#life = life
    try {
      await this.#begin(life)
      if (this.#topics !== asked || this.#isClosing) life.end()
      await life.over
    } finally {
      await this.#letGo(life)
    }
  }

  async #begin(life: GenerationLife): Promise<void> {
    const { generation } = life
    const { client, clock } = this.#parts
    const options = this.#options
    const committed = await this.#membership.committed(generation)
    const assignments = await startPositions({
      ...{ client, partitions: generation.partitions, committed, startFrom: options.startFrom, before: this.#before },
      isOld: (id) => this.#known.isOld(id),
    })
    const reads = assignments.map(
      (each) => new PartitionRead({ topic: each.topic, partition: each.partition }, each.position),
    )
    const commits = new Set(committed.map(partitionName))
    for (const each of assignments)
      if (!commits.has(partitionName(each))) this.#before.set(partitionName(each), each.position)
    life.holds(reads)
    this.#reader = new PartitionReader({
      ...{ client, clock, reads, maxRecords: options.maxRecords ?? MAX_RECORDS },
      onRecords: (partition, records) => options.onRecords(partition, records),
      onError: (error) => this.#report(error),
      onOutOfRange: (read) => void this.#recover(life, read).catch((error: unknown) => this.#report(error)),
    })
    if (assignments.length > 0) this.#tell(() => options.onAssigned(assignments))
    this.#reader.start()
  }

  /** What runs may end within half the rebalance timeout; the group waits as long for us. */
  async #letGo(life: GenerationLife): Promise<void> {
    const reader = this.#reader
    this.#reader = undefined
    const stopped = reader?.stop()
    const partitions = life.generation.partitions
    if (partitions.length > 0 && reader !== undefined) {
      const letGo = new AbortController()
      const revoked = this.#options.onRevoked(partitions).catch((error: unknown) => this.#report(error))
      void revoked.finally(() => letGo.abort())
      await pause(this.#parts.clock, this.#parts.rebalanceTimeoutMs / 2, letGo.signal)
    }
    life.close()
    this.#life = undefined
    await stopped
  }

  /** The records to be read next were deleted; or they are not there yet, as the log is not the one that was read. */
  async #recover(life: GenerationLife, read: PartitionRead): Promise<void> {
    const wanted = read.next
    const { client } = this.#parts
    const view = await client.topics([read.id.topic])
    const [begin = 0] = await listOffsets({ client, view, partitions: [read.id] }, EARLIEST)
    if (read.next !== wanted || this.#life !== life) return
    const expected = `expected a record at offset ${wanted} of ${read.name}, the log`
    if (wanted < begin) {
      this.#report(new EventLogError('unavailable', `${expected} begins at ${begin}: what was between is lost`))
      this.#reader?.seek(read.id, begin)
      return
    }
    this.#report(new EventLogError('unavailable', `${expected} ends before it: it is read from its start`))
    this.#before.set(read.name, 'begin')
    life.end()
  }

  async #close(): Promise<void> {
    this.#closing.abort()
    this.#hurry()
    this.#life?.end()
    // Waiting for the others to join is no use any more.
    if (this.#life === undefined) await this.#parts.client.close().catch(() => undefined)
    await this.#running
    await this.#membership.leave().catch((error: unknown) => this.#report(error))
    await this.#parts.client.close().catch(() => undefined)
    this.#parts.onClosed()
  }

  get #isClosing(): boolean {
    return this.#closing.signal.aborted
  }

  /** Do not wait to try again. */
  #hurry(): void {
    this.#wakeUp.abort()
  }

  #tell(what: () => void): void {
    try {
      what()
    } catch (error) {
      this.#report(error)
    }
  }

  #report(error: unknown): void {
    this.#options.onError?.(error instanceof Error ? error : new Error(String(error)))
  }
}
