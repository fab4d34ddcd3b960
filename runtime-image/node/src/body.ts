/** Request bodies that are read whole. */
import type { IncomingMessage } from 'node:http'

/** Lambda's limit of a synchronous payload, each way. */
export const PAYLOAD_LIMIT_BYTES = 6 * 1024 * 1024

export type Body = { kind: 'whole'; bytes: Buffer } | { kind: 'too-large' } | { kind: 'aborted' }

/** A body this many times the limit is not waited for: its sender may lose the answer. */
const PATIENCE = 4

/** `done` is called once. What lies above the limit is read and dropped first, as most clients look at the answer last. */
export function readBody(request: IncomingMessage, limitBytes: number, done: (body: Body) => void): void {
  const chunks: Buffer[] = []
  let size = 0
  let isDone = false
  const finish = (body: Body) => {
    if (isDone) return
    isDone = true
    done(body)
  }
  request.on('data', (chunk: Buffer) => {
    size += chunk.length
    if (size <= limitBytes) chunks.push(chunk)
    else if (size > limitBytes * PATIENCE) finish({ kind: 'too-large' })
  })
  request.on('end', () => finish(size <= limitBytes ? whole(chunks) : { kind: 'too-large' }))
  request.on('error', () => finish({ kind: 'aborted' }))
  request.on('close', () => finish({ kind: 'aborted' }))
}

function whole(chunks: Buffer[]): Body {
  const [first = Buffer.alloc(0)] = chunks
  return { kind: 'whole', bytes: chunks.length > 1 ? Buffer.concat(chunks) : first }
}

/** Bodies that are read at the same time, all together of a bounded size: of those that do not fit the largest is cut. */
export class ReadingRoom {
  private readonly limitBytes: number
  private readonly sizes = new Map<IncomingMessage, number>()
  private total = 0

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes
  }

  enter(request: IncomingMessage): void {
    this.sizes.set(request, 0)
    request.on('data', (chunk: Buffer) => this.grow(request, chunk.length))
    request.on('close', () => this.leave(request))
  }

  private grow(request: IncomingMessage, bytes: number): void {
    const size = this.sizes.get(request)
    if (size === undefined) return
    this.sizes.set(request, size + bytes)
    this.total += bytes
    while (this.total > this.limitBytes) {
      const [[largest]] = [...this.sizes].sort(([, a], [, b]) => b - a) as [[IncomingMessage, number]]
      this.leave(largest)
      largest.destroy()
    }
  }

  private leave(request: IncomingMessage): void {
    this.total -= this.sizes.get(request) ?? 0
    this.sizes.delete(request)
  }
}
