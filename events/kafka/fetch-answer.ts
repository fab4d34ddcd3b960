/** The broker's answer to a fetch, versions 4 to 11. Pure. */
import { ByteReader } from './byte-reader.ts'
import { decodeBatches, type DecodedRecords } from './record-batches.ts'

export interface FetchedPartition extends DecodedRecords {
  topic: string
  partition: number
  errorCode: number
}

export function decodeFetchAnswer(bytes: Buffer, version: number): FetchedPartition[] {
  const reader = new ByteReader(bytes)
  // Throttle time; error code and session, which are of sessions that we do not use.
  reader.skip(version >= 7 ? 10 : 4)
  return reader
    .array(() => {
      const topic = reader.string()
      return reader.array(() => readPartition(reader, topic, version))
    })
    .flat()
}

function readPartition(reader: ByteReader, topic: string, version: number): FetchedPartition {
  const partition = reader.int32()
  const errorCode = reader.int16()
  const end = reader.int64()
  // Last stable offset; log start offset.
  reader.skip(version >= 5 ? 16 : 8)
  const aborted = reader.array(() => ({ producerId: reader.int64(), firstOffset: reader.int64() }))
  // Preferred replica: we read from leaders.
  if (version >= 11) reader.skip(4)
  const bytes = reader.take(Math.max(0, reader.int32()))
  return { topic, partition, errorCode, ...decodeBatches(bytes, { topic, partition }, { aborted, end }) }
}
