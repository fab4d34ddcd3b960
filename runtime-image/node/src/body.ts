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
