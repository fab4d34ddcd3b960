/** What a call needs and whom it tells; see call.ts. */
import type { IncomingHttpHeaders } from 'node:http'
import type { Duplex, Readable } from 'node:stream'
import type { Dispatcher } from 'undici'
import type { Clock } from '../lib/clock.ts'
import type { Deadlines } from './deadlines.ts'
import type { Lane } from './lane.ts'
import type { PodAgent } from './pod-agent.ts'
import type { ProblemError } from './problems.ts'

export interface CallRequest {
  lane: Lane
  method: string
  /** Path and query as the function sees them; starts with `/`. */
  path: string
  /** Name, value, name, value …; without hop-by-hop headers, key and deadline. The call adds to it. */
  headers: string[]
  body: Buffer | StreamedBody | null
  /** Protocol to upgrade to; the sink then implements `onUpgrade`. */
  upgrade?: string | undefined
}

/** A body that is streamed; see replay-body. */
export interface StreamedBody {
  readonly replayable: boolean
  attempt(): Readable
  forget(): void
}

export interface CallSink {
  /** Before the answer: 103 and others that are none of ours. */
  onInterim?(status: number, headers: IncomingHttpHeaders): void
  /** Status and headers of the answer; lower-case names. */
  onStart(status: number, headers: IncomingHttpHeaders): void
  /** False: no more until `resume`. */
  onData(chunk: Buffer): boolean
  onEnd(trailers: IncomingHttpHeaders): void
  /** The answer cannot be completed; nothing of it may look complete. */
  onBroken(error: Error): void
  /** Instead of an answer. */
  onProblem(problem: ProblemError): void
  onUpgrade?(socket: Duplex, headers: IncomingHttpHeaders): void
}

export interface CallDeps {
  dispatcher: Pick<PodAgent, 'dispatch'>
  clock: Clock
  deadlines: Deadlines
  /** Longest wait for a slot, from the call's start. */
  waitLimitMs: number
  /** After the function's own timeout, for its own timeout answer to arrive. */
  graceMs: number
  /** Why the lane has nothing to offer, for humans. */
  waitReason(lane: Lane): string
  onReplay?(lane: Lane, reason: ReplayReason): void
}

export type CallState = 'new' | 'waiting' | 'sending' | 'answering' | 'refused' | 'upgraded' | 'done'
export type Upgrade = Parameters<NonNullable<Dispatcher.DispatchHandler['onRequestUpgrade']>>

export type ReplayReason = 'busy' | 'leaving' | 'not-specialized' | 'connect' | 'unacknowledged'
