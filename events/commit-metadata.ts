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

const MAX_BYTES = 2_250
const RUNS = 0x52
const BITS = 0x42
const NONE: Marks = { done: [], inPlace: [] }

/** Records in place beyond the room that is left are not remembered: their budget of attempts begins anew after a restart. */
export function encodeMarks({ done, inPlace }: Marks, base: number): string {
  if (done.length === 0 && inPlace.length === 0) return ''
  const runs = runLengths(done, base)
  const bits = bitset(done, base)
  const isRuns = runs.length <= bits.length
  const bytes = [isRuns ? RUNS : BITS]
  const body = isRuns ? runs : bits
  pushVarint(bytes, body.length)
  for (const byte of body) bytes.push(byte)
  for (const [offset, { attempts, firstFailedAtMs }] of inPlace) {
    if (offset < base || bytes.length > MAX_BYTES - 20) continue
    pushVarint(bytes, offset - base)
    pushVarint(bytes, attempts)
    pushVarint(bytes, Math.max(0, Math.round(firstFailedAtMs)))
  }
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
    const inPlace: [number, InPlace][] = []
    while (!reader.ended) {
      const offset = base + reader.varint()
      inPlace.push([offset, { attempts: reader.varint(), firstFailedAtMs: reader.varint() }])
    }
    return { done, inPlace }
  } catch {
    return NONE
  }
}

/** Gap, length, gap, length … as variable-length numbers. */
function runLengths(done: readonly number[], base: number): number[] {
  const bytes: number[] = []
  let expected = base
  for (let index = 0; index < done.length;) {
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

function bitset(done: readonly number[], base: number): number[] {
  const last = done.at(-1)
  if (last === undefined) return []
  // A set that cannot fit need not be made: run lengths are the smaller then.
  const size = Math.floor((last - base) / 8) + 1
  if (size > MAX_BYTES) return new Array<number>(done.length * 16).fill(0)
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
