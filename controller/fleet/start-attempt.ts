import type { ObjectKey } from '../../api/names.ts'
import type { PodRecord } from './pod-record.ts'
import type { SpecializeOutcome } from './runtime-client.ts'

/** One start() and the pod it has now; none while it waits for one. */
export interface StartAttempt {
  readonly key: ObjectKey
  readonly revision: string
  record?: PodRecord
  /** It waits for its code, and has not asked for a pod yet. */
  isFetching?: boolean
}

/** What pods() shows as the function's, waiting or ready, is no longer this start's business to count. */
export function isLost({ record, isFetching }: StartAttempt): boolean {
  if (isFetching === true) return true
  return record !== undefined && record.stage !== 'starting' && record.stage !== 'ready'
}

/** Somebody else's, or dead before it was reached: not one more pod that died while it was made ready. */
export function isRace({ retired }: PodRecord, outcome: SpecializeOutcome): boolean {
  return retired !== true && (outcome.kind === 'taken' || (outcome.kind === 'lost' && !outcome.reached))
}
