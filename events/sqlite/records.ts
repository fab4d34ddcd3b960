/** Appends records and reads them back. */
import type { Database, Statement } from '../../lib/sqlite/database.ts'
import {
  checkTopicName,
  EventLogError,
  MAX_RECORD_BYTES,
  type LogRecord,
  type NewRecord,
  type RecordPosition,
} from '../event-log.ts'
import { decodeHeaders, encodeHeaders } from './header-codec.ts'
import { partitionOfKey } from '../murmur2.ts'
import type { PartitionState, Topic, TopicDefaults, Topics } from './topics.ts'

/** Records that Dormouse moves on carry headers of ours beside what their sender was allowed. */
const HOP_ROOM_BYTES = 64 * 1024
/** What their encoding has room for. */
const MAX_HEADER_NAME_BYTES = 65_535

const FIRST_ROWS = 8
const MOST_ROWS = 64

interface ReadLimits {
  records: number
  bytes: number
}

interface ReadRecords {
  records: LogRecord[]
  bytes: number
}

/** Offset, timestamp, key, value, headers: as an array, for objects with five names are made anew for each. */
type Row = [number, number, Uint8Array | null, Uint8Array | null, Uint8Array | null]

export class Records {
  readonly #topics: Topics
  readonly #defaults: TopicDefaults
  readonly #insert: Statement
  readonly #select: Statement
  readonly #selectSince: Statement
  #nextPartition = 0

  constructor(database: Database, topics: Topics, defaults: TopicDefaults) {
    this.#topics = topics
    this.#defaults = defaults
    this.#insert = database.prepare('INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?)')
    this.#select = database.prepare(
      'SELECT offset, timestamp_ms, key, value, headers FROM records' +
        ' WHERE topic_id = ? AND partition = ? AND offset >= ? ORDER BY offset LIMIT ?',
    )
    this.#select.setReturnArrays(true)
    this.#selectSince = database.prepare(
      'SELECT offset FROM records' +
        ' WHERE topic_id = ? AND partition = ? AND offset >= ? AND timestamp_ms >= ? ORDER BY offset LIMIT 1',
    )
  }

  /** Throws EventLogError: before anything is written. */
  check(records: readonly NewRecord[]): void {
    for (const record of records) {
      checkTopicName(record.topic)
      checkSize(record)
      const topic = this.#topics.get(record.topic)
      checkPartition(record, topic?.partitions.length ?? this.#defaults.partitions)
    }
  }

  /** Within a transaction. */
  append(records: readonly NewRecord[], nowMs: number): RecordPosition[] {
    const sticky = this.#nextPartition++
    return records.map((record) => {
      const topic = this.#topics.get(record.topic) ?? this.#topics.insert({ topic: record.topic, ...this.#defaults })
      const { key, value, headers, timestampMs = nowMs } = record
      // The topic may be another than when it was checked.
      checkPartition(record, topic.partitions.length)
      const partition = record.partition ?? partitionOf(topic, key, sticky)
      const offset = this.#topics.takeOffset(topic.partitions[partition] as PartitionState)
      this.#insert.run(topic.id, partition, offset, Math.round(timestampMs), key, value, encodeHeaders(headers))
      return { topic: record.topic, partition, offset }
    })
  }

  /** From `offset` on, as many as there is room for; at least one when there is one. */
  read({ topic, partition }: PartitionState, offset: number, most: ReadLimits): ReadRecords {
    const records: LogRecord[] = []
    let bytes = 0
    for (let next = offset, left = most.records; left > 0;) {
      const asked = Math.min(left, rowsWithin(most.bytes, records, bytes))
      const rows = this.#select.all(topic.id, partition, next, asked)
      for (const row of rows as unknown as Row[]) {
        const record = recordOf(row, topic.name, partition)
        const size = sizeOf(record)
        if (bytes + size > most.bytes && records.length > 0) return { records, bytes }
        records.push(record)
        bytes += size
        next = record.offset + 1
      }
      left = rows.length < asked ? 0 : left - asked
    }
    return { records, bytes }
  }

  /** Offset of the first record that is not older. Looks at every one before it: senders choose timestamps, they need not rise. */
  firstSince({ topic, partition, begin }: PartitionState, timestampMs: number): number | undefined {
    const row = this.#selectSince.get(topic.id, partition, begin, timestampMs)
    return row && Number(row['offset'])
  }
}

/** Rows at once cost half of one after the other, but all are in memory before the first is looked at. */
function rowsWithin(mostBytes: number, records: readonly unknown[], bytes: number): number {
  if (records.length === 0) return FIRST_ROWS
  const fit = Math.floor((mostBytes - bytes) / Math.max(1, bytes / records.length))
  return Math.min(MOST_ROWS, Math.max(FIRST_ROWS, fit))
}

const partitionOf = ({ partitions }: Topic, key: Buffer | null, sticky: number): number =>
  key === null ? sticky % partitions.length : partitionOfKey(key, partitions.length)

function checkSize(record: NewRecord): void {
  const size = sizeOf(record)
  if (size > MAX_RECORD_BYTES + HOP_ROOM_BYTES)
    throw new EventLogError('too-large', `expected a record of at most ${MAX_RECORD_BYTES} bytes, got ${size}`)
  const long = record.headers.find(([name]) => Buffer.byteLength(name) > MAX_HEADER_NAME_BYTES)
  if (long === undefined) return
  const expected = `expected header names of at most ${MAX_HEADER_NAME_BYTES} bytes`
  throw new EventLogError('too-large', `${expected}, got one of ${Buffer.byteLength(long[0])}`)
}

function checkPartition({ topic, partition = 0 }: NewRecord, partitions: number): void {
  if (Number.isInteger(partition) && partition >= 0 && partition < partitions) return
  throw new EventLogError('unknown-topic', `${topic} has partitions 0 to ${partitions - 1}, got ${partition}`)
}

function sizeOf({ key, value, headers }: Pick<NewRecord, 'key' | 'value' | 'headers'>): number {
  let size = (key?.length ?? 0) + (value?.length ?? 0)
  for (const [name, bytes] of headers) size += Buffer.byteLength(name) + bytes.length
  return size
}

function recordOf([offset, timestampMs, key, value, headers]: Row, topic: string, partition: number): LogRecord {
  return {
    topic,
    partition,
    offset,
    timestampMs,
    key: bufferOf(key),
    value: bufferOf(value),
    headers: decodeHeaders(headers),
  }
}

function bufferOf(bytes: Uint8Array | null): Buffer | null {
  return bytes === null ? null : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
}
