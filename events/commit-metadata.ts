/**
 * What a commit says beside its offset, as text of at most 3 KiB: base64 of a tag byte, then what is done beyond the offset (run lengths
 * or a bitset, the smaller), then the records that wait in place. Pure.
 */
import type { InPlace } from './offset-tracker.ts'

export interface Marks {
  /** Offsets at or beyond the committed one, rising. */
  done: readonly number[]
  inPlace: readonly (readonly [offset: number, state: InPlace])[]
}

/** 3 KiB as base64. */
export const MAX_MARKS_BYTES = 2_300
const RUNS = 0x52
const BITS = 0x42
const NONE: Marks = { done: [], inPlace: [] }

/**
 * What does not fit is left out, the last first: those records come again, or their attempts count anew. The tracker sees to it that it
 * does fit.
 */
export function encodeMarks({ done, inPlace }: Marks, base: number): string {
  if (done.length === 0 && inPlace.length === 0) return ''
  const runs = runLengths(done, base)
  const bits = bitset(done, base)
  const isRuns = bits === undefined || runs.length <= bits.length
  const body = isRuns ? runs : bits
  const bytes = [isRuns ? RUNS : BITS]
  pushVarint(bytes, body.length)
  for (const byte of body) bytes.push(byte)
  pushInPlace(bytes, inPlace, base)
  return Buffer.from(bytes).toString('base64')
}

/** Whatever cannot be read counts as nothing: those records come again, with the same delivery ids. */
export function decodeMarks(metadata: string, base: number): Marks {
  if (metadata === '' || !/^[A-Za-z0-9+/]+={0,2}$/.test(metadata)) return NONE
  const reader = new Reader(Buffer.from(metadata, 'base64'))
  try {
    const tag = reader.byte()
    if (tag !== RUNS && tag !== BITS) return NONE
    const body = reader.take(reader.varint())
    const done = tag === RUNS ? fromRuns(new Reader(body), base) : fromBits(body, base)
    return { done, inPlace: readInPlace(reader, base) }
  } catch {
    return NONE
  }
}

/** What one entry takes at most: a number of up to 2^53 is 8 bytes, offsets and times count from the one before. */
const ENTRY_BYTES = 19

/** The earliest failure, then by offset: how far behind the one before, attempts, how long after the earliest. */
function pushInPlace(bytes: number[], inPlace: Marks['inPlace'], base: number): void {
  if (inPlace.length === 0) return
  const sorted = inPlace.filter(([offset]) => offset >= base).sort((a, b) => a[0] - b[0])
  const earliestMs = sorted.reduce((least, [, { firstFailedAtMs }]) => Math.min(least, firstFailedAtMs), Infinity)
  const originMs = Number.isFinite(earliestMs) ? Math.max(0, Math.floor(earliestMs)) : 0
  pushVarint(bytes, originMs)
  let before = base
  for (const [offset, { attempts, firstFailedAtMs }] of sorted) {
    if (bytes.length + ENTRY_BYTES > MAX_MARKS_BYTES) return
    pushVarint(bytes, offset - before)
    pushVarint(bytes, attempts)
    pushVarint(bytes, Math.max(0, Math.round(firstFailedAtMs - originMs)))
    before = offset
  }
}

function readInPlace(reader: Reader, base: number): [number, InPlace][] {
  const inPlace: [number, InPlace][] = []
  if (reader.ended) return inPlace
  const originMs = reader.varint()
  for (let offset = base; !reader.ended;) {
    offset += reader.varint()
    inPlace.push([offset, { attempts: reader.varint(), firstFailedAtMs: originMs + reader.varint() }])
  }
  return inPlace
}

const MAX_BODY_BYTES = MAX_MARKS_BYTES - 16

/** Gap, length, gap, length … as variable-length numbers. */
function runLengths(done: readonly number[], base: number): number[] {
  const bytes: number[] = []
  let expected = base
  for (let index = 0; index < done.length && bytes.length + 16 <= MAX_BODY_BYTES;) {
    const start = done[index] ?? 0
    let length = 1
    while (done[index + length] === start + length) length++
    pushVarint(bytes, start - expected)
    pushVarint(bytes, length)
    expected = start + length
    index += length
  }
  return bytes
}

/** Undefined: it does not fit. */
function bitset(done: readonly number[], base: number): number[] | undefined {
  const size = Math.floor(((done.at(-1) ?? base - 1) - base) / 8) + 1
  if (size > MAX_BODY_BYTES) return undefined
  const bytes = new Array<number>(size).fill(0)
  for (const offset of done) {
    const at = Math.floor((offset - base) / 8)
    bytes[at] = (bytes[at] ?? 0) | (1 << ((offset - base) % 8))
  }
  return bytes
}

/** A commit cannot tell of more: damaged lengths must not make a list that fills memory. */
const MAX_DECODED = 1_000_000

function fromRuns(reader: Reader, base: number): number[] {
  const done: number[] = []
  let at = base
  while (!reader.ended) {
    at += reader.varint()
    const length = reader.varint()
    if (done.length + length > MAX_DECODED) throw new RangeError('more than a commit can tell')
    for (let index = 0; index < length; index++) done.push(at++)
  }
  return done
}

function fromBits(bytes: Buffer, base: number): number[] {
  const done: number[] = []
  bytes.forEach((byte, index) => {
    for (let bit = 0; bit < 8; bit++) if ((byte & (1 << bit)) !== 0) done.push(base + index * 8 + bit)
  })
  return done
}

/** Numbers up to 2^53: arithmetic, as bit operations end at 2^32. */
function pushVarint(bytes: number[], value: number): void {
  let rest = value
  while (rest >= 128) {
    bytes.push((rest % 128) | 128)
    rest = Math.floor(rest / 128)
  }
  bytes.push(rest)
}

class Reader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get ended(): boolean {
    return this.#at >= this.#bytes.length
  }

  byte(): number {
    const byte = this.#bytes[this.#at++]
    if (byte === undefined) throw new RangeError('ended early')
    return byte
  }

  varint(): number {
    let value = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = this.byte()
      value += (byte & 127) * scale
      if (byte < 128) return value
      if (scale > 2 ** 49) throw new RangeError('not a number of ours')
    }
  }

  take(length: number): Buffer {
    const end = this.#at + length
    if (end > this.#bytes.length) throw new RangeError('ended early')
    return this.#bytes.subarray(this.#at, (this.#at = end))
  }
}
