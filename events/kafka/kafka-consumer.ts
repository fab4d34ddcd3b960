/**
 * A consumer: joins its group, reads what it is told to, lets go when the group is shared out anew, and joins again. Whatever fails is said
 * through onError and tried again with a growing pause: a consumer ends when it is closed, never by itself.
 */
import { backoffMs } from '../../lib/backoff.ts'
import { pause } from '../../lib/pause.ts'
import { within } from '../../lib/within.ts'
import {
  EventLogError,
  checkMetadata,
  type CommittedOffset,
  type Consumer,
  type ConsumerOptions,
  type NewRecord,
  type PartitionId,
} from '../event-log.ts'
import { HandlerGuard } from '../handler-guard.ts'
import { deniedError, isTransient, kafkaCode } from './error-codes.ts'
import { GenerationLife } from './generation-life.ts'
import { isDenied, type TopicsView } from './kafka-client.ts'
import { KnownTopics } from './known-topics.ts'
import { Membership, type Generation } from './membership.ts'
import { judgeOutOfRange } from './out-of-range.ts'
import { PartitionRead } from './partition-read.ts'
import { PartitionReader } from './partition-reader.ts'
import { startPositions } from './start-positions.ts'
import type { Asked } from './topic-watch.ts'
import type { KafkaConsumerParts } from './consumer-parts.ts'

const MAX_RECORDS = 500
/** A group that moves between brokers cannot be joined for a moment. */
const QUIET_FAILURES = 3
const BACKOFF = { firstMs: 100, longestMs: 10_000 }
/** For what is asked of brokers at the end. */
const LET_GO_MS = 2_000

export class KafkaConsumer implements Consumer {
  readonly #options: ConsumerOptions
  readonly #guard: HandlerGuard
  readonly #parts: KafkaConsumerParts
  readonly #membership: Membership
  readonly #closing = new AbortController()
  readonly #known: KnownTopics
  readonly #running: Promise<void>
  #topics: ReadonlySet<string>
  #life: GenerationLife | undefined
  #reader: PartitionReader | undefined
  #closed: Promise<void> | undefined
  #wakeUp = new AbortController()
  /** Settles when it is known which topics existed when they were wanted. */
  looked: Promise<unknown>
  readonly handOver?: NonNullable<Consumer['handOver']>

  constructor(options: ConsumerOptions, parts: KafkaConsumerParts) {
    this.#options = options
    this.#guard = new HandlerGuard(options)
    this.#parts = parts
    this.#topics = new Set(options.topics)
    this.#membership = new Membership({ ...parts, group: options.group })
    this.#known = new KnownTopics(parts.client)
    this.looked = this.#look()
    this.#running = this.#run()
    if (parts.transactions !== undefined) this.handOver = (records, commit) => this.#handOver(records, commit)
  }

  get topics(): ReadonlySet<string> {
    return this.#topics
  }

  pause(partitions: readonly PartitionId[]): void {
    partitions.forEach((partition) => this.#reader?.pause(partition))
  }

  resume(partitions: readonly PartitionId[]): void {
    for (const partition of partitions) this.#reader?.resume(partition)
  }

  seek(partition: PartitionId, offset: number): void {
    this.#reader?.seek(partition, offset)
  }

  async commit(offsets: readonly CommittedOffset[]): Promise<void> {
    offsets.forEach(checkMetadata)
    if (this.#life === undefined) throw notOurs()
    await this.#life.commit(offsets)
    this.#known.committed(offsets)
  }

  async #handOver(records: readonly NewRecord[], commit: CommittedOffset): Promise<void> {
    checkMetadata(commit)
    if (this.#life === undefined) throw notOurs()
    await this.#life.handOver(records, commit)
    this.#known.committed([commit])
  }

  subscribe(topics: readonly string[]): void {
    const wanted = new Set(topics)
    if (wanted.size === this.#topics.size && topics.every((topic) => this.#topics.has(topic))) return
    this.#topics = wanted
    this.looked = this.#look()
    this.#life?.end()
    this.#wakeUp.abort()
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  /** The topics as they were when they were asked for. */
  saw(view: TopicsView, { topics, askedMs }: Asked): void {
    const denied = [...this.#topics].filter((topic) => isDenied(view, topic))
    for (const topic of denied) this.#guard.report(deniedError(topic))
    const seen = [...this.#topics].filter((topic) => topics.has(topic) && !isDenied(view, topic))
    for (const topic of seen) if (!view.has(topic)) this.#known.gone(topic)
    const life = this.#life
    if (life === undefined || life.startedMs > askedMs) return
    const grown = (topic: string) => (view.get(topic)?.length ?? 0) - (life.generation.counts.get(topic) ?? 0)
    // Gone, and perhaps made anew: what we would commit in letting go is not of the new one.
    this.topicsGone(seen.filter((topic) => grown(topic) < 0))
    if (seen.some((topic) => grown(topic) !== 0)) life.end()
  }

  /** They were deleted: nothing of what was read can be committed in them any more. */
  topicsGone(topics: readonly string[]): void {
    for (const topic of topics) this.#known.gone(topic)
    const isGone = ({ id }: PartitionRead) => topics.includes(id.topic)
    if (this.#life?.reads.some(isGone) === true) this.#life.drop(isGone).end()
  }

  /** Which of its topics exist: those that appear later are read from their start. */
  #look(): Promise<void> {
    return this.#known.look(this.#topics).catch(() => undefined)
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    let failures = 0
    while (!this.#isClosing) {
      const asked = this.#topics
      try {
        await this.looked
        await this.#known.look(asked)
        const generation = await this.#membership.join([...asked], this.#closing.signal)
        await this.#live(generation, asked)
        failures = 0
      } catch (error) {
        if (this.#isClosing) return
        failures++
        if (failures > QUIET_FAILURES || !isTransient(kafkaCode(error) ?? 0)) this.#guard.report(error)
        this.#wakeUp = new AbortController()
        await pause(this.#parts.clock, backoffMs(failures, BACKOFF), this.#wakeUp.signal)
      }
    }
  }

  async #live(generation: Generation, asked: ReadonlySet<string>): Promise<void> {
    const onError = (error: unknown) => this.#guard.report(error)
    const { client, transactions } = this.#parts
    const life = new GenerationLife({
      ...{ ...this.#parts, membership: this.#membership, generation, onError },
      transactions: transactions && { ...transactions, client },
    })
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
    const { partitions } = life.generation
    const { client, clock } = this.#parts
    const options = this.#options
    const committed = await life.committed()
    const assignments = await startPositions({
      ...{ client, partitions, committed, startFrom: options.startFrom, starts: this.#known.starts },
      isOld: (id) => this.#known.isOld(id),
    })
    const reads = assignments.map(
      (each) => new PartitionRead({ topic: each.topic, partition: each.partition }, each.position),
    )
    this.#known.began(assignments, committed)
    life.holds(reads)
    this.#reader = new PartitionReader({
      ...{ client, clock, reads, maxRecords: options.maxRecords ?? MAX_RECORDS },
      onRecords: (partition, records) => options.onRecords(partition, records),
      onPosition: (partition, position) => options.onPosition?.(partition, position),
      onError: (error) => this.#guard.report(error),
      onOutOfRange: (read) => void this.#recover(life, read).catch((error: unknown) => this.#guard.report(error)),
    })
    this.#guard.tell(() => options.onAssigned(assignments))
    this.#reader.start()
  }

  /** What runs may end within half the rebalance timeout; the group waits as long for us. */
  async #letGo(life: GenerationLife): Promise<void> {
    const reader = this.#reader
    this.#reader = undefined
    const stopped = reader?.stop()
    const partitions = life.generation.partitions
    if (partitions.length > 0 && reader !== undefined) {
      const revoked = this.#options.onRevoked(partitions).catch((error: unknown) => this.#guard.report(error))
      await within(this.#parts.clock, this.#parts.rebalanceTimeoutMs / 2, revoked)
    }
    life.close()
    this.#life = undefined
    await stopped
  }

  async #recover(life: GenerationLife, read: PartitionRead): Promise<void> {
    const { next } = read
    const found = await judgeOutOfRange(this.#parts.client, read)
    // It was sought, or taken away, meanwhile.
    if (read.next !== next || this.#life !== life) return
    this.#guard.report(found.error)
    if (found.kind === 'deleted') {
      this.#reader?.seek(read.id, found.begin)
      return this.#options.onPosition?.(read.id, found.begin)
    }
    this.#known.isAnother(read.id)
    // Its commit, which is of a log that is no more, must not be made anew.
    life.drop((each) => each === read).end()
  }

  async #close(): Promise<void> {
    this.#closing.abort()
    this.#wakeUp.abort()
    this.#life?.end()
    // Waiting for the others to join is no use any more.
    if (this.#life === undefined) await this.#parts.client.close().catch(() => undefined)
    // A broker that does not answer keeps nobody from ending.
    await within(this.#parts.clock, this.#parts.rebalanceTimeoutMs / 2 + LET_GO_MS, this.#running)
    // Without our word the group goes on when the session has run out.
    const left = this.#membership.leave().catch((error: unknown) => this.#guard.report(error))
    await within(this.#parts.clock, LET_GO_MS, left)
    await this.#parts.client.close().catch(() => undefined)
    this.#parts.onClosed()
  }

  get #isClosing(): boolean {
    return this.#closing.signal.aborted
  }
}

const notOurs = () => new EventLogError('not-assigned', 'expected partitions that are ours, this consumer has none now')
