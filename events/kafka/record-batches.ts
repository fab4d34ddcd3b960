/**
 * Record batches as they are stored and sent (magic 2), decoded one by one: one that cannot be read does not cost those around it.
 * kafkajs's own decoder is not used: it keeps headers in an object, which loses their order, and fails with the whole answer. Pure.
 */
import type { Header, LogRecord, PartitionId } from '../event-log.ts'
import { ByteReader } from './byte-reader.ts'
import { decompress } from './codecs.ts'
import { crc32c } from './crc32c.ts'
import { errorText } from '../../lib/error-text.ts'

export interface DecodedRecords {
  /** A batch that cannot be read is one of them: see LogRecord. */
  records: LogRecord[]
  /** Behind the last whole batch; undefined: there was none. */
  next: number | undefined
}

/** What the broker says beside the records. */
export interface AboutRecords {
  aborted?: readonly AbortedTransaction[]
  /** Where the partition ends: no batch of a damaged one reaches further. */
  end?: number
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
const OFFSET_BYTES = 8
const MAGIC_AT = 16
const CHECKSUM_AT = 17

/** Of records that were in one answer of the broker, from the batch that holds the wanted offset on. */
export function decodeBatches(
  bytes: Buffer,
  id: PartitionId,
  { aborted = [], end = Infinity }: AboutRecords,
): DecodedRecords {
  const decoded: DecodedRecords = { records: [], next: undefined }
  const transactions = new AbortedOnes(aborted)
  const reader = new ByteReader(bytes)
  while (reader.left >= PREFIX_BYTES) {
    const baseOffset = reader.int64()
    const length = reader.int32()
    // The broker cuts where the limit is: the rest comes with the next answer.
    if (length < 0 || length > reader.left) break
    const start = bytes.length - reader.left - PREFIX_BYTES
    reader.skip(length)
    const batch = bytes.subarray(start, start + PREFIX_BYTES + length)
    const nextBase = reader.left < OFFSET_BYTES ? end : Number(bytes.readBigInt64BE(bytes.length - reader.left))
    const most = Math.min(end, nextBase) - 1
    decoded.next = decodeBatch(batch, baseOffset, { id, decoded, transactions, most }) + 1
  }
  return decoded
}

interface Into {
  id: PartitionId
  decoded: DecodedRecords
  transactions: AbortedOnes
  /** What follows begins behind it. */
  most: number
}

/** The batch's last offset. */
function decodeBatch(batch: Buffer, baseOffset: number, { id, decoded, transactions, most }: Into): number {
  let header: BatchHeader | undefined
  let isWhole = false
  try {
    const reader = new ByteReader(batch)
    reader.skip(PREFIX_BYTES)
    header = readHeader(reader, batch.readInt8(MAGIC_AT), baseOffset)
    checkSum(batch)
    isWhole = true
    if (header.isControl) transactions.ended(header)
    else if (!transactions.isAborted(header))
      for (const record of readRecords(reader, header, id)) decoded.records.push(record)
    return header.lastOffset
  } catch (error) {
    // A damaged header may say anything.
    const lastOffset = Math.max(baseOffset, Math.min(header?.lastOffset ?? baseOffset, most))
    const reason = errorText(error)
    const timestampMs = (isWhole ? header?.baseTimestampMs : decoded.records.at(-1)?.timestampMs) ?? 0
    decoded.records.push({
      ...{ ...id, offset: baseOffset, timestampMs, key: null, value: Buffer.from(batch), headers: [] },
      undecodable: { firstOffset: baseOffset, lastOffset, reason },
    })
    return lastOffset
  }
}

/** The broker has checked it when it came; disks forget. */
function checkSum(batch: Buffer): void {
  const expected = batch.readUInt32BE(CHECKSUM_AT)
  const found = crc32c(batch.subarray(CHECKSUM_AT + 4))
  if (found !== expected)
    throw new RangeError(`expected a batch with checksum ${expected.toString(16)}, got ${found.toString(16)}`)
}

function readHeader(reader: ByteReader, magic: number, firstOffset: number): BatchHeader {
  if (magic !== 2) throw new RangeError(`expected a record batch of format 2, got ${magic}`)
  // Leader epoch, magic, checksum.
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
    this.#reach(lastOffset)
    return isTransactional && this.#producers.has(producerId)
  }

  /**
   * By a marker, which compaction may have emptied: nothing of the producer is open behind it, whichever it was. It may be the first that is read
   * of its transaction.
   */
  ended({ lastOffset, producerId }: BatchHeader): void {
    this.#reach(lastOffset)
    this.#producers.delete(producerId)
  }

  #reach(offset: number): void {
    for (let next = this.#coming[0]; next !== undefined && next.firstOffset <= offset; next = this.#coming[0]) {
      this.#producers.add(next.producerId)
      this.#coming.shift()
    }
  }
}
