/** What the ledger says of an invocation at each step. Pure. */
import type { RecordEnd } from '../../events/consumption/engine.ts'
import type { Delivery } from '../../events/delivery.ts'
import type { InvocationState } from '../../events/invocation-ledger.ts'

const EMPTY = Buffer.alloc(0)

/** An attempt begins. */
export function runningState({ deliveryId, attempt, origin }: Delivery, functionKey: string): InvocationState {
  return { id: deliveryId, functionKey, status: 'running', acceptedAtMs: origin.timestampMs, attempts: attempt }
}

/** The attempt did not come about: the function cannot run now. */
export function waitingState({ deliveryId, attempt, origin }: Delivery, functionKey: string): InvocationState {
  const status = attempt === 1 ? 'queued' : 'retrying'
  return { id: deliveryId, functionKey, status, acceptedAtMs: origin.timestampMs, attempts: attempt - 1 }
}

export function endState(end: RecordEnd, nowMs: number): InvocationState {
  const { meta, subscription, attempt } = end
  const { functionKey } = subscription
  const base = { id: meta.deliveryId, functionKey, acceptedAtMs: meta.origin.timestampMs, attempts: attempt }
  switch (end.kind) {
    case 'retry':
      return { ...base, status: 'retrying', nextAttemptAtMs: end.dueMs, failure: end.failure }
    case 'deadLetter':
      return { ...base, status: 'failed', finishedAtMs: nowMs, failure: end.failure }
    case 'done': {
      const { status = 200, body = EMPTY, contentType = 'application/json' } = end.outcome
      const result = { status, contentType, body, truncated: false }
      return { ...base, status: 'succeeded', finishedAtMs: nowMs, result }
    }
  }
}
