/** One member of a group: reads its partitions in turns, a bounded batch each, and only while there is something to read. */
import type { Clock } from '../../lib/clock.ts'
import {
  checkMetadata,
  EventLogError,
  type CommittedOffset,
  type Consumer,
  type ConsumerOptions,
  type NewRecord,
  type PartitionId,
} from '../event-log.ts'
import { metadataAt } from '../metadata-at.ts'
import { HandlerGuard } from '../handler-guard.ts'
import type { Group, Member } from './group.ts'
import type { Position, Positions } from './positions.ts'
import type { Records } from './records.ts'
import type { PartitionState, Topic, Topics } from './topics.ts'

export interface ConsumerParts {
  topics: Topics
  records: Records
  positions: Positions
  group: Group
  clock: Clock
  /** Appends records, and makes the statements of `also`, in one transaction. */
  append: (records: readonly NewRecord[], also: () => void) => Promise<unknown>
  onClosed(): void
}

interface Fetch {
  position: number
  isPaused: boolean
  /** It is being taken away: its records are not read, its commits still count. */
  isLeaving: boolean
  /** Its receiver threw: it is not asked again before the pause is over. */
  isResting: boolean
}

const MAX_RECORDS = 500
const MAX_BYTES = 1024 * 1024
/** Of one turn, over all partitions: others want their turn, too. */
const TURN_RECORDS = 1_000
/** After a receiver that threw. */
const RETRY_MS = 1_000

export class SqliteConsumer implements Consumer, Member {
  readonly #parts: ConsumerParts
  readonly #options: ConsumerOptions
  readonly #guard: HandlerGuard
  topics: ReadonlySet<string>
  /** Those that existed when they were first wanted: `startFrom` is about them only. */
  readonly #old: WeakSet<Topic>
  readonly #fetches = new Map<PartitionState, Fetch>()
  /** Those with something to read, longest waiting first. */
  readonly #ready = new Set<PartitionState>()
  #isScheduled = false
  #closing: Promise<void> | undefined
  readonly handOver?: NonNullable<Consumer['handOver']>

  constructor(options: ConsumerOptions, parts: ConsumerParts) {
    this.#options = options
    this.#guard = new HandlerGuard(options)
    this.#parts = parts
    this.topics = new Set(options.topics)
    if (options.handsOver === true) this.handOver = (records, commit) => this.#handOver(records, commit)
    this.#old = new WeakSet(options.topics.flatMap((topic) => parts.topics.get(topic) ?? []))
  }

  held(): readonly PartitionState[] {
    return [...this.#fetches.keys()]
  }

  /** Records were appended. */
  wake(partition: PartitionState): void {
    const fetch = this.#fetches.get(partition)
    if (fetch === undefined || !this.#mayRead(fetch) || fetch.position >= partition.end) return
    this.#ready.add(partition)
    this.#schedule()
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
    const positions = offsets.map((committed) => this.#positionOf(committed))
    await this.#parts.positions.write(this.#options.group, positions)
  }

  async #handOver(records: readonly NewRecord[], commit: CommittedOffset): Promise<void> {
    const { append, positions } = this.#parts
    const position = this.#positionOf(commit)
    await append(records, () => positions.put(this.#options.group, [position]))
  }

  subscribe(topics: readonly string[]): void {
    const before = this.topics
    this.topics = new Set(topics)
    for (const name of this.topics) {
      const topic = before.has(name) ? undefined : this.#parts.topics.get(name)
      if (topic !== undefined) this.#old.add(topic)
    }
    this.#parts.group.subscriptionChanged()
  }

  close(): Promise<void> {
    this.#closing ??= this.#parts.group.leave(this).then(() => this.#parts.onClosed())
    return this.#closing
  }

  async revoke(partitions: readonly PartitionState[]): Promise<void> {
    for (const partition of partitions) {
      const fetch = this.#fetches.get(partition)
      if (fetch !== undefined) fetch.isLeaving = true
    }
    await this.#options.onRevoked(partitions.map(idOf))
  }

  drop(partitions: readonly PartitionState[]): void {
    for (const partition of partitions) {
      this.#fetches.delete(partition)
      this.#ready.delete(partition)
    }
  }

  assign(partitions: readonly PartitionState[]): void {
    const assignments = partitions.map((partition) => {
      const committed = this.#parts.positions.read(this.#options.group, partition)
      const offset = committed?.offset ?? this.#startOf(partition)
      const position = Math.min(Math.max(offset, partition.begin), partition.end)
      return { partition, position, ...metadataAt(position, committed) }
    })
    for (const { partition, position } of assignments) {
      this.#fetches.set(partition, { position, isPaused: false, isLeaving: false, isResting: false })
    }
    this.#guard.tell(() => this.#options.onAssigned(assignments.map((each) => ({ ...each, ...idOf(each.partition) }))))
    for (const partition of partitions) this.wake(partition)
  }

  #mayRead({ isPaused, isLeaving, isResting }: Fetch): boolean {
    return !isPaused && !isLeaving && !isResting && this.#closing === undefined
  }

  #positionOf(committed: CommittedOffset): Position {
    checkMetadata(committed)
    const { topic, partition, offset, metadata } = committed
    const [found] = this.#find([{ topic, partition }])
    if (found !== undefined) return { partition: found[0], offset, metadata }
    throw new EventLogError('not-assigned', `${topic}/${partition} is not, or no longer, read by this consumer`)
  }

  #startOf(partition: PartitionState): number {
    const { startFrom } = this.#options
    if (startFrom === 'earliest' || !this.#old.has(partition.topic)) return partition.begin
    if (startFrom === 'latest') return partition.end
    return this.#parts.records.firstSince(partition, startFrom.timestampMs) ?? partition.end
  }

  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(() => {
      this.#isScheduled = false
      this.#turn()
    })
  }

  /** Each ready partition once at most; what the turn has no room for comes first in the next. */
  #turn(): void {
    let records = 0
    let bytes = 0
    for (const partition of [...this.#ready]) {
      if (records >= TURN_RECORDS || bytes >= MAX_BYTES) break
      this.#ready.delete(partition)
      const handed = this.#hand(partition)
      records += handed.records
      bytes += handed.bytes
    }
    if (this.#ready.size > 0) this.#schedule()
  }

  #hand(partition: PartitionState): { records: number; bytes: number } {
    const fetch = this.#fetches.get(partition)
    if (fetch === undefined || !this.#mayRead(fetch)) return { records: 0, bytes: 0 }
    const before = fetch.position
    try {
      const most = { records: this.#options.maxRecords ?? MAX_RECORDS, bytes: MAX_BYTES }
      const { records, bytes } = this.#parts.records.read(partition, before, most)
      fetch.position = (records.at(-1)?.offset ?? partition.end - 1) + 1
      if (records.length > 0) this.#options.onRecords(idOf(partition), records)
      else this.#options.onPosition?.(idOf(partition), fetch.position)
      this.wake(partition)
      return { records: records.length, bytes }
    } catch (error) {
      fetch.position = before
      this.#rest(partition, fetch)
      this.#guard.report(error)
      return { records: 0, bytes: 0 }
    }
  }

  #rest(partition: PartitionState, fetch: Fetch): void {
    fetch.isResting = true
    this.#parts.clock.after(RETRY_MS, () => {
      fetch.isResting = false
      this.wake(partition)
    })
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
