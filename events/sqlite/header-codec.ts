/** Headers as bytes: name length (u16), name, value length (u32), value; one after the other. Null when there are none. */
import type { Header } from '../event-log.ts'

export function encodeHeaders(headers: readonly Header[]): Buffer | null {
  if (headers.length === 0) return null
  const parts: Buffer[] = []
  for (const [name, value] of headers) {
    const text = Buffer.from(name)
    const head = Buffer.alloc(2 + text.length + 4)
    head.writeUInt16BE(text.length)
    text.copy(head, 2)
    head.writeUInt32BE(value.length, 2 + text.length)
    parts.push(head, value)
  }
  return Buffer.concat(parts)
}

export function decodeHeaders(bytes: Uint8Array | null): Header[] {
  if (bytes === null) return []
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const headers: Header[] = []
  for (let at = 0; at < buffer.length;) {
    const nameEnd = at + 2 + buffer.readUInt16BE(at)
    const valueEnd = nameEnd + 4 + buffer.readUInt32BE(nameEnd)
    headers.push([buffer.toString('utf8', at + 2, nameEnd), buffer.subarray(nameEnd + 4, valueEnd)])
    at = valueEnd
  }
  return headers
}
