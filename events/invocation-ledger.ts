/**
 * What became of asynchronous invocations, by id, for a retention time. A view for people and programs that ask: the event log alone
 * decides what is delivered, and an entry that is lost loses no event.
 */
import type { Failure } from './delivery.ts'

/** queued: stored, not called yet · running · retrying: failed, waits for `nextAttemptAtMs` · succeeded · failed: in the dead letters */
export type InvocationStatus = 'queued' | 'running' | 'retrying' | 'succeeded' | 'failed'

export interface InvocationState {
  /** The delivery id. */
  id: string
  /** `namespace/name`. */
  functionKey: string
  status: InvocationStatus
  acceptedAtMs: number
  /** Begun so far. */
  attempts: number
  nextAttemptAtMs?: number
  finishedAtMs?: number
  /** The function's last answer. */
  result?: { status: number; contentType: string; body: Buffer; truncated: boolean }
  /** Of the last attempt that failed. */
  failure?: Failure
  /** Why a destination did not get its record. */
  destinationFailure?: string
}

/** Longer results are cut and marked `truncated`. */
export const MAX_RESULT_BYTES = 256 * 1024
export const DEFAULT_RETENTION_MS = 24 * 60 * 60_000

export interface InvocationLedger {
  /** Replaces what is known of this id. Calls of one turn of the event loop, and sends of the log beside it, are one write. */
  put(state: InvocationState): Promise<void>
  get(id: string): Promise<InvocationState | undefined>
}

type Result = NonNullable<InvocationState['result']>

export function cutResult(result: Result, limitBytes = MAX_RESULT_BYTES): Result {
  if (result.body.length <= limitBytes) return result
  // A copy: a slice would keep all of it in memory.
  return { ...result, body: Buffer.from(result.body.subarray(0, limitBytes)), truncated: true }
}
