/** Reads Kafka's wire format: big-endian numbers, zigzag varints. Throws RangeError where the bytes end. */
export class ByteReader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get left(): number {
    return this.#bytes.length - this.#at
  }

  skip(length: number): void {
    this.take(length)
  }

  /** A view, not a copy. */
  take(length: number): Buffer {
    const end = this.#at + length
    if (length < 0 || end > this.#bytes.length) throw new RangeError(`expected ${length} bytes, ${this.left} are left`)
    return this.#bytes.subarray(this.#at, (this.#at = end))
  }

  int8(): number {
    return this.take(1).readInt8()
  }

  int16(): number {
    return this.take(2).readInt16BE()
  }

  int32(): number {
    return this.take(4).readInt32BE()
  }

  /** Offsets and times fit into 53 bits. */
  int64(): number {
    return Number(this.take(8).readBigInt64BE())
  }

  string(): string {
    return this.take(this.int16()).toString()
  }

  /** Arrays may be null: -1. */
  array<T>(read: () => T): T[] {
    const items: T[] = []
    for (let left = this.int32(); left > 0; left--) items.push(read())
    return items
  }

  /** Up to 53 bits: arithmetic, as bit operations end at 32. */
  varint(): number {
    let value = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = this.#bytes[this.#at++]
      if (byte === undefined) throw new RangeError('a number ends behind the bytes')
      value += (byte & 127) * scale
      if (byte < 128) break
      if (scale > 2 ** 56) throw new RangeError('expected a number of at most 63 bits')
    }
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2
  }

  /** Length, then bytes; -1 is null. */
  varbytes(): Buffer | null {
    const length = this.varint()
    return length < 0 ? null : this.take(length)
  }
}
