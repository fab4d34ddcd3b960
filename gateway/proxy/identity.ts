/** Request ids and trace context: taken from the caller when sane, else made; and where a caller is. */
import { randomFillSync } from 'node:crypto'
import { isTraceparent } from '../../lib/trace-context.ts'

const SANE_ID = /^[A-Za-z0-9._:@/+=-]{1,128}$/

export function requestIdFrom(incoming: string | undefined): string {
  return incoming !== undefined && SANE_ID.test(incoming) ? incoming : newId()
}

/** An IPv4 client of a listener for both families is written like any other IPv4 client. Empty: the connection is gone already. */
export function clientAddress({ remoteAddress = '' }: { remoteAddress?: string | undefined }): string {
  return remoteAddress.startsWith('::ffff:') ? remoteAddress.slice('::ffff:'.length) : remoteAddress
}

/** W3C trace context, passed on as it came or made new and not sampled. `ownId`: a request id of ours, which then is the trace's too. */
export function traceparentFrom(incoming: string | undefined, ownId: string | undefined): string {
  if (isTraceparent(incoming)) return incoming
  return traceparentOf(ownId ?? newId())
}

/*
 * Ids are written digit by digit into memory that is used again and become one string at the end. Put together from pieces, as
 * crypto.randomUUID does it, a string is a tree that must be flattened before it can be checked and sent: three times the price.
 */
const DIGITS = Buffer.from('0123456789abcdef')
/** Where a UUID has its digits. */
const PLACES = Uint8Array.from([...'00000000-0000-0000-0000-000000000000'].flatMap((c, at) => (c === '0' ? [at] : [])))
const UUID_BYTES = 16
const uuid = Buffer.from('00000000-0000-0000-0000-000000000000')
const traceparent = Buffer.from(`00-${'0'.repeat(32)}-${'0'.repeat(16)}-00`)
const random = Buffer.alloc(256 * UUID_BYTES)
let used = random.length

/** A UUID, version 4. */
function newId(): string {
  if (used === random.length) {
    randomFillSync(random)
    used = 0
  }
  random[used + 6] = 0x40 | (0x0f & (random[used + 6] as number))
  random[used + 8] = 0x80 | (0x3f & (random[used + 8] as number))
  for (let place = 0; place < PLACES.length; place += 2) {
    const byte = random[used++] as number
    uuid[PLACES[place] as number] = DIGITS[byte >> 4] as number
    uuid[PLACES[place + 1] as number] = DIGITS[byte & 15] as number
  }
  return uuid.toString('latin1')
}

/** The id is the trace's, its second half the span's. */
function traceparentOf(id: string): string {
  for (let place = 0; place < PLACES.length; place++) {
    const digit = id.charCodeAt(PLACES[place] as number)
    traceparent[3 + place] = digit
    if (place >= 16) traceparent[36 - 16 + place] = digit
  }
  return traceparent.toString('latin1')
}
