/** Decompression of record batches. kafkajs brings gzip only, and a batch in any other codec would end its consumer. */
import { createRequire } from 'node:module'
import { gunzipSync, zstdDecompressSync } from 'node:zlib'

/** Neither has types; both are CommonJS. */
const require = createRequire(import.meta.url)
const snappy = require('snappyjs') as { uncompress(compressed: Buffer, maxLength?: number): Uint8Array }
const lz4 = require('lz4js') as { decompress(compressed: Buffer): Uint8Array }

/** Of one batch: what claims to be more is an attack or damage. */
const MAX_BYTES = 64 * 1024 * 1024
/** Of Java's SnappyOutputStream, which Kafka's own clients use; others write bare blocks. */
const XERIAL_MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0])
const XERIAL_HEADER_BYTES = 16

/** By the lowest three bits of a batch's attributes. */
const CODECS: readonly ((compressed: Buffer) => Buffer)[] = [
  (plain) => plain,
  (compressed) => gunzipSync(compressed, { maxOutputLength: MAX_BYTES }),
  unsnappy,
  (compressed) => asBuffer(lz4.decompress(compressed)),
  (compressed) => zstdDecompressSync(compressed, { maxOutputLength: MAX_BYTES }),
]

/** Throws when the bytes are not what the codec wrote. */
export function decompress(codec: number, compressed: Buffer): Buffer {
  const decode = CODECS[codec]
  if (decode === undefined) throw new RangeError(`expected one of the codecs 0 to ${CODECS.length - 1}, got ${codec}`)
  return decode(compressed)
}

function unsnappy(compressed: Buffer): Buffer {
  if (!compressed.subarray(0, XERIAL_MAGIC.length).equals(XERIAL_MAGIC))
    return asBuffer(snappy.uncompress(compressed, MAX_BYTES))
  const blocks: Uint8Array[] = []
  for (let at = XERIAL_HEADER_BYTES; at < compressed.length;) {
    const start = at + 4
    at = start + compressed.readInt32BE(at)
    if (at <= start || at > compressed.length) throw new RangeError('a snappy block ends behind its batch')
    blocks.push(snappy.uncompress(compressed.subarray(start, at), MAX_BYTES))
  }
  return Buffer.concat(blocks)
}

const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
