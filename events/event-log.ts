/**
 * The EventLog port: what Dormouse needs of a partitioned, durable log, without Kubernetes words and without a client's types.
 * Adapters: sqlite (local mode), kafka. One conformance suite (test/conformance/event-log) holds them to the same behaviour.
 *
 * Semantics are Kafka's where the two could differ: offsets count up by one or more per partition, a record is in the partition its key
 * hashes to, groups rebalance eagerly (everything is revoked, then assigned anew), and a kept partition starts again at its committed
 * offset. Whoever consumes must expect to see again what it has not committed.
 */

/** Name and raw bytes; order and repeats are kept. */
export type Header = readonly [name: string, value: Buffer]

export interface NewRecord {
  topic: string
  /** Records with the same key are in the same partition, in the order they were sent. Null: any partition. */
  key: Buffer | null
  /** Null is a tombstone. */
  value: Buffer | null
  headers: readonly Header[]
  /** Overrules the key's hash. */
  partition?: number
  /** Epoch milliseconds; default: now. */
  timestampMs?: number
}

export interface LogRecord {
  topic: string
  partition: number
  offset: number
  timestampMs: number
  key: Buffer | null
  value: Buffer | null
  headers: readonly Header[]
  /**
   * It stands for a whole batch that cannot be decoded: `value` has the bytes of the batch as they are stored, and there is neither key nor
   * header. `offset` is the first of its offsets that were to be read.
   */
  undecodable?: Undecodable
}

/** What is known of a batch that cannot be read as records. */
export interface Undecodable {
  firstOffset: number
  lastOffset: number
  reason: string
}

/** The last that it stands for. */
export const lastOffsetOf = ({ offset, undecodable }: Pick<LogRecord, 'offset' | 'undecodable'>): number =>
  undecodable?.lastOffset ?? offset

/** Where a sent record is. */
export interface RecordPosition {
  topic: string
  partition: number
  offset: number
}

export interface TopicSpec {
  topic: string
  partitions: number
  /** Records older than this may be deleted. Absent: the log's default. */
  retentionMs?: number
}

export interface PartitionEnds {
  partition: number
  /** Offset of the oldest record that is still there; equals `end` when there is none. */
  begin: number
  /** Offset the next record will get, or a lower bound of it. */
  end: number
}

export interface PartitionId {
  topic: string
  partition: number
}

/** As maps and messages name it: `topic/partition`. */
export function partitionName({ topic, partition }: PartitionId): string {
  return `${topic}/${partition}`
}

/** A group's position in one partition: everything before `offset` is done. */
export interface CommittedOffset extends PartitionId {
  offset: number
  /** At most MAX_METADATA_BYTES; empty when there is none. */
  metadata: string
}

/** Kafka's limit is 4096 (offset.metadata.max.bytes). */
export const MAX_METADATA_BYTES = 4_000

/** What a consumer reads now. `position` is the committed offset, or what `startFrom` says where nothing is committed. */
export interface Assignment extends PartitionId {
  position: number
  metadata: string
  /** The committed offset that the metadata is of, where `position` is beyond it: what was between is not there any more. */
  metadataOffset?: number
}

export interface ConsumerHandlers {
  /** Before the first record of each. New partitions of a topic come the same way. An empty list: it has none, as others of its group have all. */
  onAssigned(assignments: readonly Assignment[]): void
  /**
   * The partitions go to others once this settles, or after half the rebalance timeout. What is committed until then counts;
   * afterwards `commit` of them is refused.
   */
  onRevoked(partitions: readonly PartitionId[]): Promise<void>
  /**
   * Records of one partition, in order, never of a paused or revoked one. Must hand off and return: nobody else gets records until it
   * does. The buffers are the receiver's to keep.
   */
  onRecords(partition: PartitionId, records: readonly LogRecord[]): void
  /**
   * Everything before `position` was handed over, where that is not behind the last record: what stands between is for nobody (markers of
   * transactions, aborted ones) or was deleted meanwhile. For who reads to an end.
   */
  onPosition?(partition: PartitionId, position: number): void
  /** The consumer goes on by itself; for logs and metrics. */
  onError?(error: Error): void
}

/** Epoch milliseconds, not negative: at the first record that is as old or younger; where none is, at the end. */
export type StartFrom = 'earliest' | 'latest' | { timestampMs: number }

export interface ConsumerOptions extends ConsumerHandlers {
  group: string
  /** May name topics that do not exist yet: they are read from their first record once they do. */
  topics: readonly string[]
  /** Where to begin in a partition without a committed offset. A topic that did not exist at join is read from its start. */
  startFrom: StartFrom
  /** Most records and bytes per onRecords call. Defaults are the adapter's. */
  maxRecords?: number
  /** It is to have `handOver`, where the log can. */
  handsOver?: boolean
}

export interface Consumer {
  /** No records of these until `resume`; those already handed over are the receiver's. Unknown partitions are ignored. */
  pause(partitions: readonly PartitionId[]): void
  resume(partitions: readonly PartitionId[]): void
  /** The next records of the partition are from this offset on (or the next one that exists). Does not commit. */
  seek(partition: PartitionId, offset: number): void
  /** Durable when it settles. Throws EventLogError `not-assigned` when one of them is no longer ours: nothing is committed then. */
  commit(offsets: readonly CommittedOffset[]): Promise<void>
  /**
   * Stores records and a commit as one: when it settles both are durable, and at no moment, whoever dies, there is one without the other; who
   * asks for `committed` may see it a moment later. Of a
   * partition one at a time, and no `commit` of it meanwhile. Throws EventLogError: `not-assigned` when the partition is not ours any more, which
   * it may become by that; with any other code nothing is stored.
   */
  handOver?: (records: readonly NewRecord[], commit: CommittedOffset) => Promise<void>
  /** Replaces the topics it reads; partitions of topics that stay may be revoked and assigned again. */
  subscribe(topics: readonly string[]): void
  /** Revokes everything (onRevoked), then leaves the group. */
  close(): Promise<void>
}

export interface EventLog {
  /** Makes those that are missing; existing ones stay as they are. */
  ensureTopics(topics: readonly TopicSpec[]): Promise<void>
  /** With their records and groups' positions in them. Missing ones are ignored. */
  deleteTopics(topics: readonly string[]): Promise<void>
  /** All topics, or those of the given ones that exist. */
  describe(topics?: readonly string[]): Promise<Required<TopicSpec>[]>
  /** Throws EventLogError `unknown-topic`. */
  endOffsets(topic: string): Promise<PartitionEnds[]>
  /** Of every partition the group has committed, or of the given topics only. */
  committed(group: string, topics?: readonly string[]): Promise<CommittedOffset[]>
  /**
   * Settles when all of them are durable on all replicas, with their positions in order. Throws EventLogError when that cannot be said:
   * some may be stored then. A missing topic is made with the log's default number of partitions.
   */
  send(records: readonly NewRecord[]): Promise<RecordPosition[]>
  /** Joins the group at once; records come once partitions are assigned. */
  consumer(options: ConsumerOptions): Consumer
  /** Closes consumers that are left. */
  close(): Promise<void>
}

/**
 * unavailable: cannot be reached or written now, try again · full: no space · too-large: the record is larger than the log takes ·
 * invalid-record: the topic does not take it as it is, as one that is compacted takes none without a key ·
 * unknown-topic · invalid-topic: the name is not allowed · not-assigned: the partition belongs to another consumer · closed
 */
export type EventLogErrorCode =
  | 'unavailable'
  | 'full'
  | 'too-large'
  | 'invalid-record'
  | 'unknown-topic'
  | 'invalid-topic'
  | 'not-assigned'
  | 'closed'

/** The message is one sentence that says what was expected and what came. */
export class EventLogError extends Error {
  override readonly name = 'EventLogError'
  readonly code: EventLogErrorCode

  constructor(code: EventLogErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

const REFUSALS: readonly EventLogErrorCode[] = ['too-large', 'invalid-record', 'invalid-topic']

/** The same record, to the same topic, will be refused again. */
export function isRefused(error: unknown): boolean {
  return error instanceof EventLogError && REFUSALS.includes(error.code)
}

export function isTooLarge(error: unknown): boolean {
  return error instanceof EventLogError && error.code === 'too-large'
}

/** Kafka's rule for topic names. */
export const TOPIC_PATTERN = /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}$/
/** Kafka's default (message.max.bytes), key, value and headers together. */
export const MAX_RECORD_BYTES = 1024 * 1024

/** Throws EventLogError `invalid-topic`. */
export function checkTopicName(name: string): void {
  if (TOPIC_PATTERN.test(name)) return
  const expected = 'expected a topic name of 1 to 249 letters, digits, dots, underscores and hyphens'
  throw new EventLogError('invalid-topic', `${expected}, got ${JSON.stringify(name.slice(0, 300))}`)
}

/** Throws EventLogError `too-large`. */
export function checkMetadata({ metadata }: CommittedOffset): void {
  const size = Buffer.byteLength(metadata)
  if (size > MAX_METADATA_BYTES)
    throw new EventLogError('too-large', `expected metadata of at most ${MAX_METADATA_BYTES} bytes, got ${size}`)
}
