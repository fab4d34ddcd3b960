/** Request bodies that are read whole. */
import type { IncomingMessage } from 'node:http'

/** Lambda's limit of a synchronous payload, each way. */
export const PAYLOAD_LIMIT_BYTES = 6 * 1024 * 1024

export type Body = { kind: 'whole'; bytes: Buffer } | { kind: 'too-large' } | { kind: 'aborted' }

/** `done` is called once. What lies above the limit is dropped unread. */
export function readBody(request: IncomingMessage, limitBytes: number, done: (body: Body) => void): void {
  if (Number(request.headers['content-length']) > limitBytes) {
    done({ kind: 'too-large' })
    return
  }
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
    else finish({ kind: 'too-large' })
  })
  request.on('end', () =>
    finish({ kind: 'whole', bytes: chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks) }),
  )
  request.on('error', () => finish({ kind: 'aborted' }))
  request.on('close', () => finish({ kind: 'aborted' }))
}
