/** Bodies on their way to a function: small ones are read before a slot is taken, so that slow clients hold none; the rest streams. */
import type { IncomingMessage } from 'node:http'
import { ProblemError } from '../../routing/problems.ts'
import { ReplayBody } from '../../routing/replay-body.ts'
import { noRoom } from './body-budget.ts'

/** Read whole before the call begins; at most this much waits in memory per queued request. */
export const SMALL_BODY_BYTES = 16 * 1024

/** What can be sent again to another pod. */
const REPLAY_LIMIT_BYTES = 256 * 1024

export interface CollectOptions {
  limitBytes: number
  onDone: (body: Buffer) => void
  onTooLarge: (problem: ProblemError) => void
  /** Asked before so many bytes more are held; false: `onTooLarge` is told. */
  admits?: ((bytes: number) => boolean) | undefined
}

/** Nothing is called when the client goes away: its connection's end says so. */
export function collectBody(request: IncomingMessage, options: CollectOptions): void {
  const { limitBytes, onDone, onTooLarge, admits } = options
  const chunks: Buffer[] = []
  let size = 0
  // What has been read lives as long as the call, not as long as the connection.
  const stop = () => {
    request.off('data', onData)
    request.off('end', onEnd)
  }
  const onData = (chunk: Buffer) => {
    size += chunk.length
    if (size <= limitBytes && admits?.(chunk.length) !== false) return void chunks.push(chunk)
    stop()
    onTooLarge(size > limitBytes ? tooLarge(limitBytes) : noRoom())
  }
  const onEnd = () => {
    stop()
    onDone(chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks, size))
  }
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
