/**
 * Bytes that should be text, in UTF-8 or, where a mark begins them as YAML has it (§5.2), UTF-16: what Windows' shells write. Where they
 * are none, what a decoder would make of them (U+FFFD) is not what somebody wrote.
 */
import { isUtf8 } from 'node:buffer'

/** Counted from 1; `column` in characters. */
export interface TextPlace {
  line: number
  column: number
}

const REPLACEMENT = '\ufffd'

/** The first byte that is no UTF-8; undefined when all of them are. */
export function notUtf8At(bytes: Buffer): TextPlace | undefined {
  if (isUtf8(bytes)) return undefined
  const text = bytes.toString('utf8')
  const before = text.slice(0, firstReplaced(text, bytes)).split('\n')
  return { line: before.length, column: (before.at(-1) ?? '').length + 1 }
}

/** Somebody may have written a U+FFFD before it: that one stands in the bytes, too. */
function firstReplaced(text: string, bytes: Buffer): number {
  const written = Buffer.from(REPLACEMENT)
  let [from, offset] = [0, 0]
  for (;;) {
    const index = text.indexOf(REPLACEMENT, from)
    offset += Buffer.byteLength(text.slice(from, index))
    if (!bytes.subarray(offset, offset + written.length).equals(written)) return index
    from = index + 1
    offset += written.length
  }
}

export interface DecodedText {
  text: string
  /** The first byte that is none. */
  notUtf8At: TextPlace | undefined
}

export function decodeText(bytes: Buffer): DecodedText {
  const utf16 = decodeUtf16(bytes)
  if (utf16 !== undefined) return { text: utf16, notUtf8At: undefined }
  return { text: bytes.toString('utf8'), notUtf8At: notUtf8At(bytes) }
}

/** Undefined without its mark, or when it is none in spite of it. */
function decodeUtf16(bytes: Buffer): string | undefined {
  const mark = bytes.length < 2 ? 0 : bytes.readUInt16BE(0)
  const encoding = mark === 0xfffe ? 'utf-16le' : mark === 0xfeff ? 'utf-16be' : undefined
  try {
    return encoding && new TextDecoder(encoding, { fatal: true }).decode(bytes)
  } catch {
    return undefined
  }
}
