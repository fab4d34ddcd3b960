/**
 * The trace of a record. All attempts at one that came without are one trace, whoever makes them: its ids are hashes of the delivery id, which
 * costs a fiftieth of a cryptographic one. They are names, not secrets.
 */
import type { Header, LogRecord } from '../../events/event-log.ts'
import { textOf } from '../../events/record-headers.ts'
import { isTraceparent, isTracestate } from '../../lib/trace-context.ts'
import type { EventView } from './event-view.ts'

/** As headers of a request, name and value by turns; undefined when it came without. */
export function traceIn({ headers }: Pick<LogRecord, 'headers'>): string[] | undefined {
  if (headers.length === 0) return undefined
  return traceOf((name) => textOf(headers, name))
}

/** Of a CloudEvent that tells it itself (extension Distributed Tracing). */
export function traceOfEvent(view: EventView | undefined): string[] | undefined {
  return view === undefined || view.mode === 'plain' ? undefined : traceOf((name) => view.attributes[name])
}

/** For the record that follows on this one. */
export function traceOn(record: LogRecord): Header[] {
  const headers: Header[] = []
  const [name, traceparent, more, tracestate] = traceIn(record) ?? []
  if (name !== undefined && traceparent !== undefined) headers.push([name, Buffer.from(traceparent)])
  if (more !== undefined && tracestate !== undefined) headers.push([more, Buffer.from(tracestate)])
  return headers
}

/** A state belongs to the trace that it came with, and to no other. */
function traceOf(told: (name: string) => string | undefined): string[] | undefined {
  const traceparent = told('traceparent')
  if (!isTraceparent(traceparent)) return undefined
  const tracestate = told('tracestate')
  return ['traceparent', traceparent, ...(isTracestate(tracestate) ? ['tracestate', tracestate] : [])]
}

const traceparent = Buffer.from(`00-${'0'.repeat(32)}-${'0'.repeat(16)}-00`)
const places = new DataView(traceparent.buffer, traceparent.byteOffset, traceparent.length)
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
  places.setUint32(at, hexOf(word >>> 16))
  places.setUint32(at + 4, hexOf(word & 0xffff))
}

/** Four digits of 16 bits, as bytes: all at once, a digit after the other costs five times as much. */
function hexOf(bits: number): number {
  const bytes = ((bits << 8) | bits) & 0x00ff00ff
  const digits = ((bytes << 4) | bytes) & 0x0f0f0f0f
  // A digit from ten on carries into its sixteens once six is added: 39 more makes it a letter.
  const letters = ((digits + 0x06060606) >>> 4) & 0x01010101
  return digits + 0x30303030 + letters * 39
}
