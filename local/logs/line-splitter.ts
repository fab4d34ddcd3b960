/** Chunks of a byte stream → lines. Bytes are decoded per line, so that a character split between chunks stays whole. */

/** A line longer than this is cut: what never ends a line must not grow without bound. */
const MAX_LINE_BYTES = 64 * 1024
const NEWLINE = 0x0a

export interface LineSplitter {
  /** Calls `line` for every line that `chunk` completes. */
  push(chunk: Buffer, line: (text: string) => void): void
  /** Hands out what has no newline yet. */
  flush(line: (text: string) => void): void
}

export function createLineSplitter(): LineSplitter {
  let rest: Buffer = Buffer.alloc(0)
  const flush = (line: (text: string) => void) => {
    if (rest.length > 0) line(rest.toString('utf8'))
    rest = Buffer.alloc(0)
  }
  return {
    push(chunk, line) {
      let bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
      for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE)) {
        line(bytes.toString('utf8', 0, end))
        bytes = bytes.subarray(end + 1)
      }
      rest = bytes
      if (rest.length <= MAX_LINE_BYTES) return
      const whole = rest.length - begunBytes(rest)
      line(rest.toString('utf8', 0, whole))
      rest = rest.subarray(whole)
    },
    flush,
  }
}

/** How many bytes at the end are of a character that is not whole yet, at most three. */
function begunBytes(bytes: Buffer): number {
  for (let count = 1; count <= 3; count++) {
    const byte = bytes[bytes.length - count] ?? 0
    if (byte < 0x80) return 0
    // Its first byte says how many it has.
    if (byte >= 0xc0) return count < (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2) ? count : 0
  }
  return 0
}
