/** Reads Kafka's wire format of flexible versions. Throws RangeError where the bytes end. */
import { ByteReader } from './byte-reader.ts'

export class CompactReader extends ByteReader {
  compactString(): string | null {
    const length = this.#length() - 1
    return length < 0 ? null : this.take(length).toString()
  }

  /** Arrays may be null. */
  compactArray<T>(read: () => T): T[] {
    const items: T[] = []
    for (let left = this.#length() - 1; left > 0; left--) items.push(read())
    return items
  }

  skipTags(): void {
    for (let left = this.#length(); left > 0; left--) {
      this.#length()
      this.skip(this.#length())
    }
  }

  #length(): number {
    let value = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = this.take(1).readUInt8()
      value += (byte & 127) * scale
      if (byte < 128) return value
    }
  }
}
