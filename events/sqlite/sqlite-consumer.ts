/** One member of a group: reads its partitions in turns, a bounded batch each, and only while there is something to read. */
import type { Clock } from '../../lib/clock.ts'
import {
  EventLogError,
  MAX_METADATA_BYTES,
  type CommittedOffset,
  type Consumer,
  type ConsumerOptions,
  type PartitionId,
} from '../event-log.ts'
import type { Group, Member } from './group.ts'
import type { Positions } from './positions.ts'
import type { Records } from './records.ts'
import type { PartitionState, Topics } from './topics.ts'

export interface ConsumerParts {
  topics: Topics
  records: Records
  positions: Positions
  group: Group
  clock: Clock
  onClosed(consumer: SqliteConsumer): void
}

interface Fetch {
  position: number
  isPaused: boolean
  /** It is being taken away: its records are not read, its commits still count. */
  isLeaving: boolean
}

const MAX_RECORDS = 500
const MAX_BYTES = 1024 * 1024
/** After a receiver that threw. */
const RETRY_MS = 1_000

export class SqliteConsumer implements Consumer, Member {
  readonly #parts: ConsumerParts
  readonly #options: ConsumerOptions
  #wanted: Set<string>
  /** Topics that existed when they were first wanted: `startFrom` is about them only. */
  readonly #old: Set<string>
  readonly #fetches = new Map<PartitionState, Fetch>()
  readonly #ready = new Set<PartitionState>()
  #isScheduled = false
  #isClosed = false

  constructor(options: ConsumerOptions, parts: ConsumerParts) {
    this.#options = options
    this.#parts = parts
    this.#wanted = new Set(options.topics)
    this.#old = new Set(options.topics.filter((topic) => parts.topics.get(topic) !== undefined))
  }

  get held(): ReadonlySet<PartitionState> {
    return new Set(this.#fetches.keys())
  }

  wants(topic: string): boolean {
    return this.#wanted.has(topic)
  }

  /** Records were appended. */
  wake(partition: PartitionState): void {
    const fetch = this.#fetches.get(partition)
    if (fetch === undefined || fetch.isPaused || fetch.isLeaving || fetch.position >= partition.end) return
    this.#ready.add(partition)
    if (this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(() => this.#turn())
  }

  pause(partitions: readonly PartitionId[]): void {
    for (const [, fetch] of this.#find(partitions)) fetch.isPaused = true
  }

  resume(partitions: readonly PartitionId[]): void {
    for (const [partition, fetch] of this.#find(partitions)) {
      fetch.isPaused = false
      this.wake(partition)
    }
  }

  seek(partition: PartitionId, offset: number): void {
    for (const [state, fetch] of this.#find([partition])) {
      fetch.position = Math.max(offset, state.begin)
      this.wake(state)
    }
  }

  async commit(offsets: readonly CommittedOffset[]): Promise<void> {
    const rows = offsets.map((offset) => {
      if (Buffer.byteLength(offset.metadata) > MAX_METADATA_BYTES)
        throw new EventLogError('too-large', `expected metadata of at most ${MAX_METADATA_BYTES} bytes`)
      const [found] = this.#find([offset])
      if (found !== undefined) return { ...offset, topicId: found[0].topic.id }
      throw new EventLogError('not-assigned', `${offset.topic}/${offset.partition} is no longer read by this consumer`)
    })
    await this.#parts.positions.write(this.#options.group, rows)
  }

  subscribe(topics: readonly string[]): void {
    for (const topic of topics) {
      if (!this.#wanted.has(topic) && this.#parts.topics.get(topic) !== undefined) this.#old.add(topic)
    }
    this.#wanted = new Set(topics)
    this.#parts.group.topicsChanged()
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    await this.#parts.group.leave(this)
    this.#parts.onClosed(this)
  }

  async revoke(partitions: readonly PartitionState[]): Promise<void> {
    for (const partition of partitions) {
      const fetch = this.#fetches.get(partition)
      if (fetch !== undefined) fetch.isLeaving = true
    }
    try {
      await this.#options.onRevoked(partitions.map(idOf))
    } finally {
      for (const partition of partitions) this.#fetches.delete(partition)
    }
  }

  assign(partitions: readonly PartitionState[]): void {
    const assignments = partitions.map((partition) => {
      const committed = this.#parts.positions.read(this.#options.group, partition)
      const offset = committed?.offset ?? this.#startOf(partition)
      const position = Math.min(Math.max(offset, partition.begin), partition.end)
      this.#fetches.set(partition, { position, isPaused: false, isLeaving: false })
      return { ...idOf(partition), position, metadata: committed?.metadata ?? '' }
    })
    this.#options.onAssigned(assignments)
    for (const partition of partitions) this.wake(partition)
  }

  #startOf(partition: PartitionState): number {
    const isFromEnd = this.#options.startFrom === 'latest' && this.#old.has(partition.topic.name)
    return isFromEnd ? partition.end : partition.begin
  }

  #turn(): void {
    this.#isScheduled = false
    const partitions = [...this.#ready]
    this.#ready.clear()
    for (const partition of partitions) this.#hand(partition)
  }

  #hand(partition: PartitionState): void {
    const fetch = this.#fetches.get(partition)
    if (fetch === undefined || fetch.isPaused || fetch.isLeaving) return
    const before = fetch.position
    try {
      const from = Math.max(before, partition.begin)
      const most = { records: this.#options.maxRecords ?? MAX_RECORDS, bytes: MAX_BYTES }
      const records = this.#parts.records.read(partition, from, most)
      fetch.position = (records.at(-1)?.offset ?? partition.end - 1) + 1
      if (records.length > 0) this.#options.onRecords(idOf(partition), records)
      this.wake(partition)
    } catch (error) {
      fetch.position = before
      this.#options.onError?.(error instanceof Error ? error : new Error(String(error)))
      this.#parts.clock.after(RETRY_MS, () => this.wake(partition))
    }
  }

  #find(partitions: readonly PartitionId[]): [PartitionState, Fetch][] {
    return partitions.flatMap(({ topic, partition }) => {
      const state = this.#parts.topics.get(topic)?.partitions[partition]
      const fetch = state && this.#fetches.get(state)
      return state !== undefined && fetch !== undefined ? [[state, fetch] as [PartitionState, Fetch]] : []
    })
  }
}

const idOf = ({ topic, partition }: PartitionState): PartitionId => ({ topic: topic.name, partition })
