/** How many pods of each revision to start, and which to retire. Pure. */
import { chooseVictims } from '../autoscaler/victims.ts'
import type { FleetPod, RevisionTemplate } from '../fleet/fleet.ts'
import type { FunctionObservation } from './observe.ts'
import { hasRuntime, podsOf, readyPods, wantedPods } from './rollout.ts'

export interface ScalePlan {
  start: number
  retire: { uid: string; reason: string }[]
  /** When this has to be looked at again though nothing changes. */
  lookAgainAtMs?: number
}

export interface ScaleOptions {
  /** Whether pods past their age are replaced; a rollout replaces all of them anyway. */
  rotates: boolean
}

/**
 * Towards the wanted number. Pods that still start are never retired, they may be somebody's wake-up; nor are ready ones in their
 * favour: when they are ready and there are still too many, some go. Rotation has one pod more than wanted for as long as the replacement needs, one pod at a time.
 */
export function scaleServing(
  serving: RevisionTemplate,
  seen: FunctionObservation,
  { rotates }: ScaleOptions,
): ScalePlan {
  const want = wantedPods(serving, seen)
  const ready = readyPods(serving, seen)
  const expired = rotates && want > 0 ? expiredPods(ready, seen) : []
  const extra = expired.length > 0 ? 1 : 0
  const missing = want + extra - podsOf(serving, seen)
  const lookAgainAtMs = Math.min(
    missing > 0 ? (retryAtMs(serving, seen) ?? Infinity) : Infinity,
    rotates ? nextExpiryMs(ready, seen) : Infinity,
  )
  return {
    start: canStart(serving, seen) ? Math.max(0, missing) : 0,
    retire:
      missing < 0
        ? surplus(ready, Math.min(-missing, ready.length - want), seen)
        : rotateOut(expired, ready.length > want),
    ...(lookAgainAtMs !== Infinity && { lookAgainAtMs }),
  }
}

/** Whether a start makes sense now: its Runtime exists and no failed start is waited out. */
export function canStart(template: RevisionTemplate, seen: FunctionObservation): boolean {
  return hasRuntime(template, seen) && retryAtMs(template, seen) === undefined
}

/** Set while a failed start is waited out. */
export function retryAtMs(
  { revision }: RevisionTemplate,
  { failures, nowMs }: FunctionObservation,
): number | undefined {
  const failure = failures.get(revision)
  return failure && failure.retryAtMs > nowMs ? failure.retryAtMs : undefined
}

function surplus(ready: readonly FleetPod[], count: number, { inFlight }: FunctionObservation): ScalePlan['retire'] {
  const candidates = ready.map(({ uid, createdAtMs }) => ({ uid, createdAtMs, inFlight: inFlight.get(uid) ?? 0 }))
  return chooseVictims(candidates, count).map((uid) => ({ uid, reason: 'scaled down' }))
}

/** Pods come oldest first. */
function rotateOut(expired: readonly FleetPod[], isReplaced: boolean): ScalePlan['retire'] {
  return isReplaced ? expired.slice(0, 1).map(({ uid }) => ({ uid, reason: 'reached maxPodAge' })) : []
}

function expiredPods(ready: readonly FleetPod[], seen: FunctionObservation): FleetPod[] {
  return ready.filter((pod) => expiresAtMs(pod, seen) <= seen.nowMs)
}

function nextExpiryMs(ready: readonly FleetPod[], seen: FunctionObservation): number {
  return Math.min(...ready.map((pod) => expiresAtMs(pod, seen)).filter((atMs) => atMs > seen.nowMs))
}

/** Up to a tenth earlier, by pod: those that were born together do not all go together. */
function expiresAtMs({ uid, claimedAtMs }: FleetPod, { scaling }: FunctionObservation): number {
  return claimedAtMs + scaling.maxPodAgeMs * (1 - 0.1 * fraction(uid))
}

/** A number in [0, 1) that is always the same for the same text. */
function fraction(text: string): number {
  let hash = 0
  for (const character of text) hash = (hash * 31 + character.charCodeAt(0)) % 1_000_003
  return hash / 1_000_003
}
