/** Where bytes that should be text are none: what a decoder would make of them (U+FFFD) is not what somebody wrote. */
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
