/**
 * Pure: what to do with a pod after asking it who it is. Its own answer is the truth, labels are only a memory of it; but what answers may be a
 * function's code, so a function that no label names is believed only with the proof that the pod was given it.
 */
import type { ObjectKey } from '../../api/names.ts'
import type { GiveUp } from './pod-removal.ts'

export interface InspectedHealth {
  state: 'generic' | 'specializing' | 'specialized' | 'leaving'
  function?: string | null | undefined
  revision?: string | null | undefined
  acknowledges?: boolean | undefined
  failed?: unknown
}

export interface InspectionInput {
  /** Pods labelled `leaving` are not asked. */
  label: 'generic' | 'claimed'
  /** It was made for its function, and nobody has seen it ready yet: it is generic until its maker has specialized it. */
  isNew: boolean
  /** This process may do what its maker has not done. */
  canFinish: boolean
  /** What the labels say, when they say claimed. */
  labelled?: { function: ObjectKey; revision: string }
  outcome: { kind: 'answered'; health: InspectedHealth } | { kind: 'silent' } | { kind: 'unreachable' }
  /** Whether the function and revision the pod answered with still exist. */
  exists: boolean
  /** The pod repeats what it was told with its function, which no other pod can know. */
  isProven: boolean
  /** Times it was asked in a row without a final answer, this one included. */
  attempts: number
  /** It is known to have been up: it called, or the kubelet or another controller says so. */
  isUp: boolean
  /** How long one question waits for its answer. */
  healthTimeoutMs: number
  /** Of the function it runs; absent when that is not known. */
  functionTimeoutMs?: number
}

export type InspectionVerdict =
  | { kind: 'idle' }
  /** `acknowledges`: as it says itself. */
  | { kind: 'adopt'; function: ObjectKey; revision: string; acknowledges: boolean; repair: boolean }
  | { kind: 'ask-again'; afterMs: number }
  /** Made for its function, and whoever made it has ended before it told it so. */
  | { kind: 'finish' }
  /** Not heard of yet: whoever hears of it asks again. */
  | { kind: 'not-up' }
  | { kind: 'give-up'; why: GiveUp }

const ASK_AGAIN_MS = 500
/** Someone may wait for a pod that is about to be up. */
const BOOTING_ASK_AGAIN_MS = 100
/** Times asked before a pod is given up. `unproven`: the labels that whoever claimed it writes come within that. `unknown`: a Function or revision may come later than the pod that another controller made for it. */
const PATIENCE = {
  unreachable: 2,
  booting: 20,
  silentGeneric: 5,
  specializing: 120,
  unknown: 4,
  unproven: 20,
  orphan: 6,
  newborn: 60,
}
const LONGEST_TIMEOUT_MS = 15 * 60_000
/** Beyond a deadline: the runtime's own watchdog comes first. */
const DEADLINE_SLACK_MS = 10_000

/**
 * A claimed pod that is silent may run a handler that holds its event loop, and its requests must not die of our questions. Silent for
 * longer than any invocation may take, it is stuck.
 */
function silentPatience({ label, healthTimeoutMs, functionTimeoutMs = LONGEST_TIMEOUT_MS }: InspectionInput): number {
  if (label === 'generic') return PATIENCE.silentGeneric
  return Math.ceil((functionTimeoutMs + DEADLINE_SLACK_MS) / (healthTimeoutMs + ASK_AGAIN_MS))
}

const giveUp = (reason: GiveUp['reason'], message: string): InspectionVerdict => ({
  kind: 'give-up',
  why: { reason, message },
})

/** What is asked again until then. */
function afterPatience(attempts: number, patience: number, verdict: InspectionVerdict): InspectionVerdict {
  return attempts < patience ? { kind: 'ask-again', afterMs: ASK_AGAIN_MS } : verdict
}

export function judgeInspection(input: InspectionInput): InspectionVerdict {
  const { outcome, attempts } = input
  if (outcome.kind !== 'answered') return judgeSilence(input, outcome.kind)
  const { health } = outcome
  if (health.failed != null) return giveUp('start-failed', 'its code did not load')
  switch (health.state) {
    case 'generic':
      return judgeGeneric(input)
    case 'specializing':
      return afterPatience(attempts, PATIENCE.specializing, giveUp('silent', 'it does not finish loading its code'))
    case 'leaving':
      return giveUp('exited', 'it is ending by itself')
    case 'specialized':
      return judgeSpecialized(input, health)
  }
}

function judgeGeneric({ label, isNew, canFinish, attempts }: InspectionInput): InspectionVerdict {
  if (label === 'generic') return { kind: 'idle' }
  if (!isNew) return giveUp('restarted', 'it was restarted and has forgotten its function')
  // Its maker does so within milliseconds.
  if (canFinish && attempts >= PATIENCE.orphan) return { kind: 'finish' }
  const untold = giveUp('silent', 'its maker has not told it which function it is')
  return afterPatience(attempts, PATIENCE.newborn, untold)
}

function judgeSilence(input: InspectionInput, kind: 'silent' | 'unreachable'): InspectionVerdict {
  const { attempts, isUp } = input
  if (!isUp)
    return attempts < PATIENCE.booting ? { kind: 'ask-again', afterMs: BOOTING_ASK_AGAIN_MS } : { kind: 'not-up' }
  const patience = kind === 'silent' ? silentPatience(input) : PATIENCE.unreachable
  return afterPatience(attempts, patience, giveUp('silent', 'it does not answer on its control port'))
}

function judgeSpecialized(
  { label, labelled, exists, isProven, attempts }: InspectionInput,
  { function: key, revision, acknowledges = false }: InspectedHealth,
): InspectionVerdict {
  if (key == null || revision == null) return giveUp('unknown-function', 'it does not say which function it runs')
  const unknown = (message: string) => giveUp('unknown-function', message)
  if (!exists) {
    const gone = unknown(`it runs ${key} in revision ${revision}, which does not exist any more`)
    return afterPatience(attempts, PATIENCE.unknown, gone)
  }
  const runs = { function: key as ObjectKey, revision, acknowledges }
  const adopt: InspectionVerdict = { kind: 'adopt', ...runs, repair: label === 'generic' }
  if (label === 'generic') {
    const unproven = unknown(`it says that it runs ${key}, and neither its labels nor a proof do`)
    return isProven ? adopt : afterPatience(attempts, PATIENCE.unproven, unproven)
  }
  return labelled?.function === key && labelled.revision === revision
    ? adopt
    : unknown(`its labels do not agree with it: it runs ${key} in revision ${revision}`)
}
