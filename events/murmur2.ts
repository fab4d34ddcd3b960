/** Kafka's hash of record keys (murmur2, seed 0x9747b28c), so that every log puts a key into the same partition. Source: KIP-479, Kafka's Utils.murmur2. */
const SEED = 0x9747b28c
const M = 0x5bd1e995
const R = 24

export function partitionOfKey(key: Buffer, partitions: number): number {
  return (murmur2(key) & 0x7fffffff) % partitions
}

/** Signed 32 bits, as Java's. */
export function murmur2(bytes: Buffer): number {
  const { length } = bytes
  let hash = SEED ^ length
  const whole = length & ~3
  for (let at = 0; at < whole; at += 4) {
    let k = Math.imul(bytes.readInt32LE(at), M)
    k ^= k >>> R
    hash = Math.imul(hash, M) ^ Math.imul(k, M)
  }
  const rest = length - whole
  if (rest === 3) hash ^= (bytes[whole + 2] ?? 0) << 16
  if (rest >= 2) hash ^= (bytes[whole + 1] ?? 0) << 8
  if (rest >= 1) hash = Math.imul(hash ^ (bytes[whole] ?? 0), M)
  hash ^= hash >>> 13
  hash = Math.imul(hash, M)
  return hash ^ (hash >>> 15)
}
