/** Record batches as Kafka stores them (format 2), byte by byte. */
import { crc32c } from '../../events/kafka/crc32c.ts'

const CHECKED_FROM = 21

export interface BatchParts {
  baseOffset?: number
  records?: { key?: Buffer | null; value?: Buffer | null; headers?: [string, Buffer | null][]; offsetDelta?: number }[]
  /** Of the records, compressed by `compress`. */
  codec?: number
  compress?(plain: Buffer): Uint8Array
  isTransactional?: boolean
  /** `control`: the kind of the marker, 0 abort, 1 commit; with `records: []` that is compacted away. */
  control?: number
  producerId?: number
  magic?: number
  lastOffsetDelta?: number
  baseTimestampMs?: number
  /** The broker's time of writing. */
  appendTimeMs?: number
}

export function recordBatch(parts: BatchParts): Buffer {
  const { codec = 0, compress = (plain: Buffer) => plain } = parts
  const marker = parts.control === undefined ? [] : [{ key: markerKey(parts.control), value: null }]
  const records = parts.records ?? marker
  const body = Buffer.from(compress(Buffer.concat(records.map((record, index) => framed(recordBody(record, index))))))
  const batch = Buffer.concat([head(parts, { count: records.length, codec, bytes: body.length }), body])
  batch.writeUInt32BE(crc32c(batch.subarray(CHECKED_FROM)), CHECKED_FROM - 4)
  return batch
}

function head(parts: BatchParts, { count, codec, bytes }: { count: number; codec: number; bytes: number }): Buffer {
  const { baseOffset = 0, magic = 2, lastOffsetDelta = count - 1, baseTimestampMs = 1_000, producerId = -1 } = parts
  const header = Buffer.alloc(61)
  header.writeBigInt64BE(BigInt(baseOffset), 0)
  header.writeInt32BE(49 + bytes, 8)
  header.writeInt8(magic, 16)
  header.writeInt16BE(codec | flagsOf(parts), 21)
  header.writeInt32BE(lastOffsetDelta, 23)
  header.writeBigInt64BE(BigInt(baseTimestampMs), 27)
  header.writeBigInt64BE(BigInt(parts.appendTimeMs ?? 2_000), 35)
  header.writeBigInt64BE(BigInt(producerId), 43)
  header.writeInt32BE(count, 57)
  return header
}

function flagsOf({ isTransactional = false, control, appendTimeMs }: BatchParts): number {
  const kind = control === undefined ? 0 : 32
  return kind | (isTransactional || control !== undefined ? 16 : 0) | (appendTimeMs === undefined ? 0 : 8)
}

function recordBody({ key = null, value = null, headers = [], offsetDelta }: BatchRecord, index: number): Buffer {
  return Buffer.concat([
    ...[Buffer.alloc(1), varint(index), varint(offsetDelta ?? index), nullable(key), nullable(value)],
    varint(headers.length),
    ...headers.flatMap(([name, bytes]) => [nullable(Buffer.from(name)), nullable(bytes)]),
  ])
}

type BatchRecord = NonNullable<BatchParts['records']>[number]

const markerKey = (kind: number): Buffer => Buffer.from([0, 0, 0, kind])
const framed = (bytes: Buffer): Buffer => Buffer.concat([varint(bytes.length), bytes])
const nullable = (bytes: Buffer | null): Buffer => (bytes === null ? varint(-1) : framed(bytes))

function varint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value < 0 ? -value * 2 - 1 : value * 2
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128)
  return Buffer.from([...bytes, rest])
}
