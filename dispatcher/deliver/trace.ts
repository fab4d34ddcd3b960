/**
 * The trace of a record that came without one. All attempts at it are one trace, whoever makes them: its ids are hashes of the delivery id,
 * which costs a fiftieth of a cryptographic one. They are names, not secrets.
 */

const traceparent = Buffer.from(`00-${'0'.repeat(32)}-${'0'.repeat(16)}-00`)
const DIGITS = Buffer.from('0123456789abcdef')
/** Where the eight digits of each word stand: four of the trace, two of the span. */
const PLACES = [3, 11, 19, 27, 36, 44]

/** W3C trace context, not sampled. Written digit by digit into memory that is used again: pieces put together would be a tree of strings. */
export function traceparentOf(deliveryId: string): string {
  // Two FNV-1a with other primes, the second with a feedback: 64 bits that differ between ids.
  let one = 0x811c9dc5
  let two = 0x9e3779b1
  for (let at = 0; at < deliveryId.length; at++) {
    const code = deliveryId.charCodeAt(at)
    one = Math.imul(one ^ code, 0x01000193)
    two = Math.imul(two ^ code, 0x5bd1e995) ^ (two >>> 15)
  }
  for (let word = 0; word < PLACES.length; word++) {
    const mixed = mix((one + Math.imul(word + 1, 0x9e3779b1)) ^ mix(two + word))
    // Never all zero: trace ids must not be.
    writeHex(PLACES[word] as number, mixed === 0 ? word + 1 : mixed)
  }
  return traceparent.toString('latin1')
}

/** MurmurHash3's last step: every bit of the input reaches every bit of the result. */
function mix(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return mixed ^ (mixed >>> 16)
}

function writeHex(at: number, word: number): void {
  for (let digit = 0; digit < 8; digit++) traceparent[at + digit] = DIGITS[(word >>> (28 - 4 * digit)) & 15] as number
}
