/** The last 4 KB of what an invocation logged, kept only when its caller asked for it. */
export const TAIL_BYTES = 4096
export const NEWLINE = 0x0a

export class LogTail {
  private chunks: Buffer[] = []
  private size = 0

  append(chunk: string | Uint8Array): void {
    const bytes = Buffer.from(chunk).subarray(-TAIL_BYTES)
    this.chunks.push(bytes)
    this.size += bytes.length
    while (this.size - (this.chunks[0]?.length ?? 0) >= TAIL_BYTES) this.size -= this.chunks.shift()?.length ?? 0
  }

  /** Complete lines, which begin on one of their own: user code may have left its last one unfinished. */
  appendLines(lines: string): void {
    const last = this.chunks.findLast((chunk) => chunk.length > 0)
    this.append(last === undefined || last.at(-1) === NEWLINE ? lines : `\n${lines}`)
  }

  /** Base64 of at most 4 KB; a character cut in two at the front is left out. */
  toBase64(): string {
    const bytes = Buffer.concat(this.chunks).subarray(-TAIL_BYTES)
    let start = 0
    while (start < Math.min(3, bytes.length) && ((bytes[start] ?? 0) & 0xc0) === 0x80) start++
    return bytes.subarray(start).toString('base64')
  }
}
