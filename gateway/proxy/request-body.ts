/** Bodies on their way to a function: small ones are read before a slot is taken, so that slow clients hold none; the rest streams. */
import type { IncomingMessage } from 'node:http'
import { ProblemError } from '../../routing/problems.ts'
import { ReplayBody } from '../../routing/replay-body.ts'

/** Read whole before the call begins; at most this much waits in memory per queued request. */
export const SMALL_BODY_BYTES = 16 * 1024

/** What can be sent again to another pod. */
const REPLAY_LIMIT_BYTES = 256 * 1024

export interface CollectOptions {
  limitBytes: number
  onDone: (body: Buffer) => void
  onTooLarge: (problem: ProblemError) => void
}

/** Nothing is called when the client goes away: its connection's end says so. */
export function collectBody(request: IncomingMessage, { limitBytes, onDone, onTooLarge }: CollectOptions): void {
  const chunks: Buffer[] = []
  let size = 0
  const onData = (chunk: Buffer) => {
    size += chunk.length
    if (size > limitBytes) {
      request.off('data', onData)
      request.off('end', onEnd)
      onTooLarge(tooLarge(limitBytes))
    } else chunks.push(chunk)
  }
  const onEnd = () => onDone(chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks, size))
  request.on('data', onData)
  request.on('end', onEnd)
}

export function streamBody(
  request: IncomingMessage,
  options: { limitBytes: number; onDemand?: () => void; onTooLarge: (problem: ProblemError) => void },
): ReplayBody {
  return new ReplayBody(request, {
    replayLimitBytes: REPLAY_LIMIT_BYTES,
    sizeLimitBytes: options.limitBytes,
    onTooLarge: () => options.onTooLarge(tooLarge(options.limitBytes)),
    ...(options.onDemand === undefined ? {} : { onDemand: options.onDemand }),
  })
}

export function tooLarge(limitBytes: number): ProblemError {
  return new ProblemError('payload-too-large', `the body may have at most ${limitBytes} bytes`)
}
