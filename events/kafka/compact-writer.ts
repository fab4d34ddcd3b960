/** Writes Kafka's wire format of flexible versions: compact strings and arrays, and behind each structure its tags, of which we have none. */
export class CompactWriter {
  readonly #parts: Buffer[] = []

  get bytes(): Buffer {
    return Buffer.concat(this.#parts)
  }

  int8(value: number): this {
    const bytes = Buffer.alloc(1)
    bytes.writeInt8(value)
    return this.#add(bytes)
  }

  int16(value: number): this {
    const bytes = Buffer.alloc(2)
    bytes.writeInt16BE(value)
    return this.#add(bytes)
  }

  int32(value: number): this {
    const bytes = Buffer.alloc(4)
    bytes.writeInt32BE(value)
    return this.#add(bytes)
  }

  int64(value: bigint | number): this {
    const bytes = Buffer.alloc(8)
    bytes.writeBigInt64BE(BigInt(value))
    return this.#add(bytes)
  }

  /** Null is a length of its own. */
  string(value: string | null): this {
    if (value === null) return this.#length(0)
    const bytes = Buffer.from(value)
    return this.#length(bytes.length + 1).#add(bytes)
  }

  array<T>(items: readonly T[], write: (item: T) => void): this {
    this.#length(items.length + 1)
    for (const item of items) write(item)
    return this
  }

  noTags(): this {
    return this.#length(0)
  }

  /** Unsigned, seven bits a byte. */
  #length(value: number): this {
    const bytes: number[] = []
    let rest = value
    for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128)
    bytes.push(rest)
    return this.#add(Buffer.from(bytes))
  }

  #add(bytes: Buffer): this {
    this.#parts.push(bytes)
    return this
  }
}
