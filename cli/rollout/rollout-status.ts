/** Whether an applied object has become what was asked for, as its status tells. Pure. */
import type { DormouseFunction } from '../../api/function.ts'
import type { Condition, KubeObject } from '../../api/object.ts'

export type RolloutStatus =
  | { kind: 'pending'; waitingFor: string }
  /** `revision` on Functions only. */
  | { kind: 'ready'; revision?: string }
  /** `serving`: the revision that goes on, if any. */
  | { kind: 'failed'; reason: string; message: string; serving?: string }

interface Status {
  observedGeneration?: number
  revision?: string
  conditions?: Condition[]
}

/** `generation`: of the object as it was applied. */
export function rolloutStatus(object: KubeObject, generation: number): RolloutStatus {
  const { status = {} } = object as KubeObject & { status?: Status }
  if ((status.observedGeneration ?? 0) < generation) return { kind: 'pending', waitingFor: 'waits for the controller' }
  const ready = status.conditions?.find(({ type }) => type === 'Ready')
  if (ready === undefined) return { kind: 'pending', waitingFor: 'waits for its first status' }
  switch (ready.status) {
    case 'Unknown':
      return { kind: 'pending', waitingFor: ready.message }
    case 'True':
      return { kind: 'ready', ...(status.revision !== undefined && { revision: status.revision }) }
    case 'False': {
      const serving = servingRevision(object)
      const { reason, message } = ready
      return { kind: 'failed', reason, message, ...(serving !== undefined && { serving }) }
    }
  }
}

/** The older revision that takes traffic while the newest cannot. */
function servingRevision(object: KubeObject): string | undefined {
  if (object.kind !== 'Function') return undefined
  const { status } = object as DormouseFunction
  const rolledOut = status?.conditions?.find(({ type }) => type === 'RolledOut')
  return rolledOut?.status === 'False' ? status?.revision : undefined
}
