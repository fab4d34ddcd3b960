/** Pure: what to do with a pod after asking it who it is. Its own answer is the truth; labels are only a memory of it. */
import type { ObjectKey } from '../../api/names.ts'
import type { GiveUp } from './pod-removal.ts'

export interface InspectedHealth {
  state: 'generic' | 'specializing' | 'specialized' | 'leaving'
  function?: string | null | undefined
  revision?: string | null | undefined
  failed?: unknown
}

export interface InspectionInput {
  /** Pods labelled `leaving` are not asked. */
  label: 'generic' | 'claimed'
  /** What the labels say, when they say claimed. */
  labelled?: { function: ObjectKey; revision: string }
  outcome: { kind: 'answered'; health: InspectedHealth } | { kind: 'silent' } | { kind: 'unreachable' }
  /** Whether the function and revision the pod answered with still exist. */
  exists: boolean
  /** Times it was asked in a row without a final answer, this one included. */
  attempts: number
}

export type InspectionVerdict =
  | { kind: 'idle' }
  | { kind: 'adopt'; function: ObjectKey; revision: string; repair: boolean }
  | { kind: 'ask-again'; afterMs: number }
  | { kind: 'give-up'; why: GiveUp }

const ASK_AGAIN_MS = 500
/**
 * Times asked before a pod is given up. A claimed one that is silent may run a handler that holds its event loop: its requests must
 * not die because a controller started afresh. The runtime's own watchdog ends it at the deadline.
 */
const PATIENCE = { unreachable: 2, silent: { generic: 5, claimed: 400 }, specializing: 120 }

const giveUp = (reason: GiveUp['reason'], message: string): InspectionVerdict => ({
  kind: 'give-up',
  why: { reason, message },
})

export function judgeInspection(input: InspectionInput): InspectionVerdict {
  const { label, outcome, attempts } = input
  if (outcome.kind !== 'answered') {
    const patience = outcome.kind === 'silent' ? PATIENCE.silent[label] : PATIENCE.unreachable
    if (attempts < patience) return { kind: 'ask-again', afterMs: ASK_AGAIN_MS }
    return giveUp('silent', 'it does not answer on its control port')
  }
  const { health } = outcome
  if (health.failed != null) return giveUp('start-failed', 'its code did not load')
  switch (health.state) {
    case 'generic':
      return label === 'generic'
        ? { kind: 'idle' }
        : giveUp('restarted', 'it was restarted and has forgotten its function')
    case 'specializing':
      return attempts < PATIENCE.specializing
        ? { kind: 'ask-again', afterMs: ASK_AGAIN_MS }
        : giveUp('silent', 'it does not finish loading its code')
    case 'leaving':
      return giveUp('exited', 'it is ending by itself')
    case 'specialized':
      return judgeSpecialized(input, health)
  }
}

function judgeSpecialized(
  { label, labelled, exists }: InspectionInput,
  { function: key, revision }: InspectedHealth,
): InspectionVerdict {
  if (key == null || revision == null) return giveUp('unknown-function', 'it does not say which function it runs')
  if (!exists)
    return giveUp('unknown-function', `it runs ${key} in revision ${revision}, which does not exist any more`)
  const adopt: InspectionVerdict = { kind: 'adopt', function: key as ObjectKey, revision, repair: label === 'generic' }
  if (label === 'generic') return adopt
  return labelled?.function === key && labelled.revision === revision
    ? adopt
    : giveUp('unknown-function', `its labels do not agree with it: it runs ${key} in revision ${revision}`)
}
