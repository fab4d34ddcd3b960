/** Which revision takes traffic, and what stands between the spec and that. Pure. */
import type { FleetPod, RevisionTemplate } from '../fleet/fleet.ts'
import { UNKNOWN_FATE } from './fate.ts'
import type { Fate } from './fate.ts'
import type { FunctionObservation } from './observe.ts'

/**
 * serves: the spec's revision takes traffic · verifying: it does, unproven, and is being loaded once · rolling-out: it is being brought up
 * beside the old one · code-broken, code-unavailable, runtime-missing: it cannot run; the old one, if any, goes on · code-pending: its code is
 * on its way
 */
export type Stage =
  | { kind: 'serves' }
  | { kind: 'verifying' }
  | { kind: 'rolling-out' }
  | { kind: 'code-broken'; message: string }
  | { kind: 'code-unavailable'; message: string }
  | { kind: 'code-pending'; message: string }
  | { kind: 'runtime-missing'; message: string }

export interface Rollout {
  stage: Stage
  /** Takes traffic from now on; absent when nothing can. */
  serving?: RevisionTemplate
  /** Is brought up to `pods` before it takes over. */
  candidate?: { template: RevisionTemplate; pods: number; isProven: boolean }
}

/**
 * The old revision serves until the new one is proven (one pod of it loaded) and has as many pods as the old one, so that the switch is
 * one change of the feed and costs nobody a request. A revision without a predecessor that could serve has nothing to protect
 * and takes traffic at once.
 */
export function decideRollout(seen: FunctionObservation): Rollout {
  const { target } = seen
  const obstacle = codeObstacle(seen) ?? obstacleOf(target, seen)
  const old = oldTemplate(seen)
  if (obstacle) return { stage: obstacle, ...(old && { serving: old }) }
  const proven = isProven(target, seen)
  if (!old) return { stage: { kind: proven || !isVerified(target, seen) ? 'serves' : 'verifying' }, serving: target }
  const pods = podsBeforeSwitch(old, seen)
  if (proven && readyPods(target, seen).length >= pods) return { stage: { kind: 'serves' }, serving: target }
  return { stage: { kind: 'rolling-out' }, serving: old, candidate: { template: target, pods, isProven: proven } }
}

/** While its turn to be loaded has not come it waits so long and no longer; a pod on its way, or one that failed, will tell. */
function isVerified(target: RevisionTemplate, seen: FunctionObservation): boolean {
  const { verifyFirstRevision, letGoAtMs, nowMs } = seen
  return verifyFirstRevision && (nowMs < letGoAtMs || podsOf(target, seen) > 0 || seen.failures.has(target.revision))
}

/** Whether anybody has seen its code load. */
export function isProven(template: RevisionTemplate, seen: FunctionObservation): boolean {
  return fateOf(template, seen).kind === 'loads'
}

/** What serves beside what the spec asks for, or instead while that has no code. */
function oldTemplate(seen: FunctionObservation): RevisionTemplate | undefined {
  const current = currentTemplate(seen)
  if (current === undefined || obstacleOf(current, seen)) return undefined
  return codeObstacle(seen) || current.revision !== seen.target.revision ? current : undefined
}

/** Pods a revision should have now: what was decided, or what it has while nothing is, within its limits. */
export function wantedPods(revision: RevisionTemplate, seen: FunctionObservation): number {
  const { min, max } = seen.scaling
  return Math.max(min, Math.min(max, seen.desired ?? podsOf(revision, seen)))
}

/** Starting, ready, and starts that have no pod yet. */
export function podsOf(revision: RevisionTemplate, seen: FunctionObservation): number {
  return alive(revision, seen).length + seen.pendingStarts(revision.revision)
}

export function readyPods(revision: RevisionTemplate, seen: FunctionObservation): FleetPod[] {
  return alive(revision, seen).filter(({ phase }) => phase === 'ready')
}

function alive({ revision }: RevisionTemplate, { pods }: FunctionObservation): FleetPod[] {
  return pods.filter((pod) => pod.revision === revision)
}

/** A sleeping function needs none: the proof was enough, the next call wakes the new revision. */
function podsBeforeSwitch(old: RevisionTemplate, seen: FunctionObservation): number {
  const { max } = seen.scaling
  return Math.max(wantedPods(old, seen), Math.min(alive(old, seen).length, max))
}

function currentTemplate({ target, stored, servingRevision }: FunctionObservation): RevisionTemplate | undefined {
  if (servingRevision === target.revision) return target
  return stored.find(({ template }) => template.revision === servingRevision)?.template
}

/** Why the code that the spec refers to is not there. */
export function codeObstacle({ code }: FunctionObservation): Stage | undefined {
  if (code === undefined || code.kind === 'ready') return undefined
  return { kind: code.kind === 'pending' ? 'code-pending' : 'code-unavailable', message: code.message }
}

/**
 * A new leader has not read the ConfigMap yet, and what serves does: as the old leader left it, for the moment that takes. Nothing would be gained
 * by telling everybody so.
 */
export function isNotYetKnown({ code, function: { spec, status } }: FunctionObservation): boolean {
  return code?.kind === 'pending' && spec.code?.configMap !== undefined && status?.revision !== undefined
}

/** Why no pod of this revision can run; a Runtime that went away does not stop pods that are up. */
export function obstacleOf(template: RevisionTemplate, seen: FunctionObservation): Stage | undefined {
  const fate = fateOf(template, seen)
  if (fate.kind === 'broken') return { kind: 'code-broken', message: fate.message }
  if (hasRuntime(template, seen) || readyPods(template, seen).length > 0) return undefined
  const message = `Runtime ${JSON.stringify(template.runtime ?? '')} does not exist: create it or change spec.runtime`
  return { kind: 'runtime-missing', message }
}

/** An image of its own needs none. */
export function hasRuntime({ runtime }: RevisionTemplate, { runtimes }: FunctionObservation): boolean {
  return runtime === undefined || runtimes.has(runtime)
}

/** Broken code may load on a changed Runtime. */
function fateOf({ revision, runtime }: RevisionTemplate, { fates, runtimes }: FunctionObservation): Fate {
  const fate = fates.get(revision) ?? UNKNOWN_FATE
  const identity = runtimes.get(runtime ?? '')
  const isOutdated = fate.kind === 'broken' && identity !== undefined && identity !== fate.runtime
  return isOutdated ? UNKNOWN_FATE : fate
}
