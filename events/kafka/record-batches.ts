/**
 * Record batches as they are stored and sent (magic 2), decoded one by one: one that cannot be read does not cost those around it.
 * kafkajs's own decoder is not used: it keeps headers in an object, which loses their order, and fails with the whole answer. Pure.
 */
import type { Header, LogRecord, PartitionId } from '../event-log.ts'
import { ByteReader } from './byte-reader.ts'
import { decompress } from './codecs.ts'

/** A batch that cannot be read; its records are lost to us. */
export interface Poison {
  firstOffset: number
  lastOffset: number
  reason: string
}

export interface DecodedRecords {
  records: LogRecord[]
  poison: Poison[]
  /** Behind the last whole batch; undefined: there was none. */
  next: number | undefined
}

export interface AbortedTransaction {
  producerId: number
  firstOffset: number
}

interface BatchHeader {
  codec: number
  isControl: boolean
  isTransactional: boolean
  /** The broker's time of writing, instead of the records' own. */
  appendTimeMs: number | undefined
  firstOffset: number
  lastOffset: number
  baseTimestampMs: number
  producerId: number
  count: number
}

const CODEC = 0x07
const APPEND_TIME = 0x08
const TRANSACTIONAL = 0x10
const CONTROL = 0x20
/** Base offset and length come before what the length counts. */
const PREFIX_BYTES = 12
const MAGIC_AT = 4
const ABORT = 0

/** Of records that were in one answer of the broker, from the batch that holds the wanted offset on. */
export function decodeBatches(bytes: Buffer, id: PartitionId, aborted: readonly AbortedTransaction[]): DecodedRecords {
  const decoded: DecodedRecords = { records: [], poison: [], next: undefined }
  const transactions = new AbortedOnes(aborted)
  const reader = new ByteReader(bytes)
  while (reader.left >= PREFIX_BYTES) {
    const baseOffset = reader.int64()
    const length = reader.int32()
    // The broker cuts where the limit is: the rest comes with the next answer.
    if (length < 0 || length > reader.left) break
    const batch = reader.take(length)
    decoded.next = decodeBatch(batch, baseOffset, { id, decoded, transactions }) + 1
  }
  return decoded
}

interface Into {
  id: PartitionId
  decoded: DecodedRecords
  transactions: AbortedOnes
}

/** The batch's last offset. */
function decodeBatch(batch: Buffer, baseOffset: number, { id, decoded, transactions }: Into): number {
  let header: BatchHeader | undefined
  try {
    const reader = new ByteReader(batch)
    header = readHeader(reader, batch.readInt8(MAGIC_AT), baseOffset)
    if (header.isControl) transactions.control(header, reader)
    else if (!transactions.isAborted(header))
      for (const record of readRecords(reader, header, id)) decoded.records.push(record)
    return header.lastOffset
  } catch (error) {
    const lastOffset = header?.lastOffset ?? baseOffset
    const reason = error instanceof Error ? error.message : String(error)
    decoded.poison.push({ firstOffset: baseOffset, lastOffset, reason })
    return lastOffset
  }
}

function readHeader(reader: ByteReader, magic: number, firstOffset: number): BatchHeader {
  if (magic !== 2) throw new RangeError(`expected a record batch of format 2, got ${magic}`)
  // Leader epoch, magic, checksum: the broker has checked it.
  reader.skip(9)
  const attributes = reader.int16()
  const lastOffset = firstOffset + reader.int32()
  const baseTimestampMs = reader.int64()
  const maxTimestampMs = reader.int64()
  const producerId = reader.int64()
  // Producer epoch, first sequence.
  reader.skip(6)
  return {
    ...{ firstOffset, lastOffset, baseTimestampMs, producerId, count: reader.int32() },
    codec: attributes & CODEC,
    isControl: (attributes & CONTROL) !== 0,
    isTransactional: (attributes & TRANSACTIONAL) !== 0,
    appendTimeMs: (attributes & APPEND_TIME) === 0 ? undefined : maxTimestampMs,
  }
}

/** All of them or, when one is damaged, none. */
function readRecords(reader: ByteReader, header: BatchHeader, id: PartitionId): LogRecord[] {
  const plain = new ByteReader(decompress(header.codec, reader.take(reader.left)))
  const records: LogRecord[] = []
  for (let index = 0; index < header.count; index++) {
    // One copy per record: a view would keep the whole answer in memory as long as somebody keeps one record of it.
    const body = new ByteReader(Buffer.from(plain.take(plain.varint())))
    records.push(readRecord(body, header, id))
  }
  return records
}

function readRecord(body: ByteReader, header: BatchHeader, { topic, partition }: PartitionId): LogRecord {
  // Attributes: none are in use.
  body.skip(1)
  const timestampMs = header.baseTimestampMs + body.varint()
  const offset = header.firstOffset + body.varint()
  const key = body.varbytes()
  const value = body.varbytes()
  const headers: Header[] = []
  for (let left = body.varint(); left > 0; left--) {
    const name = (body.varbytes() ?? NOTHING).toString()
    // The port knows no header without a value.
    headers.push([name, body.varbytes() ?? NOTHING])
  }
  return { topic, partition, offset, timestampMs: header.appendTimeMs ?? timestampMs, key, value, headers }
}

const NOTHING = Buffer.alloc(0)

/** Whose records of transactions were never committed. */
class AbortedOnes {
  /** By first offset, rising. */
  readonly #coming: AbortedTransaction[]
  readonly #producers = new Set<number>()

  constructor(aborted: readonly AbortedTransaction[]) {
    this.#coming = [...aborted].sort((a, b) => a.firstOffset - b.firstOffset)
  }

  isAborted({ isTransactional, lastOffset, producerId }: BatchHeader): boolean {
    for (let next = this.#coming[0]; next !== undefined && next.firstOffset <= lastOffset; next = this.#coming[0]) {
      this.#producers.add(next.producerId)
      this.#coming.shift()
    }
    return isTransactional && this.#producers.has(producerId)
  }

  /** The end of a transaction. Its key: version, kind. */
  control({ producerId }: BatchHeader, reader: ByteReader): void {
    const body = new ByteReader(reader.take(reader.varint()))
    body.skip(1)
    body.varint()
    body.varint()
    const kind = (body.varbytes() ?? NOTHING).readInt16BE(2)
    if (kind === ABORT) this.#producers.delete(producerId)
  }
}
