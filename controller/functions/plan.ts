/** From what was observed of one Function to what is to be done, in order. Pure. */
import type { RevisionTemplate } from '../fleet/fleet.ts'
import type { Fate } from './fate.ts'
import type { FunctionObservation } from './observe.ts'
import type { StoredRevision } from './revision-record.ts'
import { codeObstacle, decideRollout, obstacleOf, podsOf } from './rollout.ts'
import type { Rollout, Stage } from './rollout.ts'
import { canStart, retryAtMs, scaleServing } from './scale.ts'
import type { Serving } from './serving.ts'

/** Revisions kept beside the serving one and the spec's. */
const KEPT_REVISIONS = 3

export type Action =
  | { kind: 'store-revision'; template: RevisionTemplate; number: number }
  | { kind: 'mark-broken'; name: string; broken: Extract<Fate, { kind: 'broken' }> }
  /** `code`: digests of what no other revision needs. */
  | { kind: 'delete-revision'; name: string; code: string[] }
  | { kind: 'verify'; template: RevisionTemplate; isUpdate: boolean }
  | { kind: 'start'; template: RevisionTemplate; pods: number }
  | { kind: 'retire'; uid: string; reason: string }

export interface FunctionPlan {
  rollout: Rollout
  /** What the book must say before pods are started and retired. */
  serving: Serving
  /** Before the book changes. */
  before: Action[]
  /** After. */
  after: Action[]
  lookAgainAtMs?: number
}

export function plan(seen: FunctionObservation): FunctionPlan {
  const rollout = decideRollout(seen)
  const pods = planPods(rollout, seen)
  return {
    rollout,
    serving: servingOf(rollout.serving, seen, brokenOf(rollout.stage)),
    before: storeActions(seen),
    after: [...pods.actions, ...pruneActions(rollout, seen)],
    ...(pods.lookAgainAtMs !== undefined && { lookAgainAtMs: pods.lookAgainAtMs }),
  }
}

/**
 * What data planes are to know while this replica does not lead: the leader's decision as the API shows it, and nothing this process found out
 * before. A Function the leader has not got to yet is there, and whoever calls it waits.
 */
export function follow(seen: FunctionObservation): Serving {
  const { target, stored } = seen
  const servingRevision = followedRevision(seen)
  const wanted = servingRevision ?? target.revision
  const template = stored.find((record) => record.template.revision === wanted)?.template
  // What serves goes on serving if its record was deleted by hand: the leader stores it again.
  if (servingRevision === target.revision) return servingOf(template ?? target, seen)
  if (servingRevision !== undefined) return servingOf(template, seen)
  const obstacle = codeObstacle(seen) ?? obstacleOf(target, seen)
  return obstacle ? servingOf(undefined, seen, brokenOf(obstacle)) : servingOf(template, seen)
}

/**
 * That a revision took over may be known here before its pods are: the former one is served until they are, or until the leader takes its pods,
 * which it does right after.
 */
function followedRevision({ servingRevision, publishedRevision, pods }: FunctionObservation): string | undefined {
  const ready = (wanted: string) =>
    pods.filter(({ revision, phase }) => revision === wanted && phase === 'ready').length
  if (servingRevision === undefined || publishedRevision === undefined) return servingRevision
  return ready(publishedRevision) > ready(servingRevision) ? publishedRevision : servingRevision
}

function servingOf(
  serving: RevisionTemplate | undefined,
  seen: FunctionObservation,
  broken?: Serving['broken'],
): Serving {
  const { key, function: fn, target, scaling, async } = seen
  const { signature, concurrency, timeoutMs, memoryMb } = serving ?? target
  const settings = { scaling, signature, concurrency, timeoutMs, memoryMb, ...(async && { async }) }
  const base = { key, uid: fn.metadata.uid, ...settings }
  if (serving) return { ...base, template: serving }
  return broken ? { ...base, broken } : base
}

/** While its code is on its way callers wait. */
function brokenOf(stage: Stage): Serving['broken'] {
  if (stage.kind === 'code-pending') return undefined
  const codes = { 'runtime-missing': 'runtime-missing', 'code-unavailable': 'cannot-wake' } as const
  const code = stage.kind in codes ? codes[stage.kind as keyof typeof codes] : 'code-load-failed'
  return { code, message: 'message' in stage ? stage.message : 'no revision can run' }
}

/** The spec's revision is stored before any pod of it is started: what serves must be there to be woken after the spec moved on. */
function storeActions(seen: FunctionObservation): Action[] {
  const { target, stored, fates } = seen
  if (codeObstacle(seen)) return []
  const record = stored.find(({ template }) => template.revision === target.revision)
  if (!record) return [{ kind: 'store-revision', template: target, number: (stored[0]?.number ?? 0) + 1 }]
  const fate = fates.get(target.revision)
  if (fate?.kind !== 'broken' || record.broken?.runtime === fate.runtime) return []
  return [{ kind: 'mark-broken', name: record.name, broken: fate }]
}

function pruneActions({ serving }: Rollout, { target, stored }: FunctionObservation): Action[] {
  const isNeeded = ({ template: { revision } }: StoredRevision) =>
    revision === target.revision || revision === serving?.revision
  const others = stored.filter((record) => !isNeeded(record))
  const dropped = others.slice(KEPT_REVISIONS)
  const kept = [...stored.filter((record) => !dropped.includes(record)).map(({ template }) => template), target]
  const needed = new Set(kept.map(({ code }) => code?.digest))
  return dropped.map(({ name, template: { code } }) => ({
    kind: 'delete-revision',
    name,
    code: code === undefined || needed.has(code.digest) ? [] : [code.digest],
  }))
}

interface PodPlan {
  actions: Action[]
  lookAgainAtMs?: number
}

function planPods(rollout: Rollout, seen: FunctionObservation): PodPlan {
  const parts = [planServing(rollout, seen), planCandidate(rollout, seen), { actions: retireOthers(rollout, seen) }]
  const lookAgainAtMs = Math.min(...parts.map((part: PodPlan) => part.lookAgainAtMs ?? Infinity))
  const actions = parts.flatMap((part) => part.actions)
  return lookAgainAtMs === Infinity ? { actions } : { actions, lookAgainAtMs }
}

function planServing({ serving, candidate, stage }: Rollout, seen: FunctionObservation): PodPlan {
  if (!serving) return { actions: [] }
  const { start, retire, lookAgainAtMs } = scaleServing(serving, seen, { rotates: candidate === undefined })
  const retired = retire.map(({ uid, reason }): Action => ({ kind: 'retire', uid, reason }))
  if (stage.kind === 'verifying' && start === 0)
    return untilLetGo(planVerification(serving, seen, { isUpdate: false, retired }), seen)
  const started: Action[] = start > 0 ? [{ kind: 'start', template: serving, pods: start }] : []
  const actions = [...started, ...retired]
  return lookAgainAtMs === undefined ? { actions } : { actions, lookAgainAtMs }
}

/** Nothing else may happen until the wait for its turn is over. */
function untilLetGo(planned: PodPlan, { letGoAtMs, nowMs }: FunctionObservation): PodPlan {
  if (letGoAtMs <= nowMs || letGoAtMs === Infinity) return planned
  return { ...planned, lookAgainAtMs: Math.min(planned.lookAgainAtMs ?? Infinity, letGoAtMs) }
}

function planCandidate({ candidate }: Rollout, seen: FunctionObservation): PodPlan {
  if (!candidate) return { actions: [] }
  const { template, pods, isProven } = candidate
  if (!isProven) return planVerification(template, seen, { isUpdate: true, retired: [] })
  const missing = pods - podsOf(template, seen)
  if (missing <= 0) return { actions: [] }
  return whenPossible(template, seen, { kind: 'start', template, pods: missing })
}

/** One pod that loads is the proof; while one is on its way, by whomever it was started, that one is waited for. */
function planVerification(
  template: RevisionTemplate,
  seen: FunctionObservation,
  { isUpdate, retired }: { isUpdate: boolean; retired: Action[] },
): PodPlan {
  if (podsOf(template, seen) > 0) return { actions: retired }
  const { actions, ...again } = whenPossible(template, seen, { kind: 'verify', template, isUpdate })
  return { actions: [...actions, ...retired], ...again }
}

function whenPossible(template: RevisionTemplate, seen: FunctionObservation, action: Action): PodPlan {
  if (canStart(template, seen)) return { actions: [action] }
  const lookAgainAtMs = retryAtMs(template, seen)
  return lookAgainAtMs === undefined ? { actions: [] } : { actions: [], lookAgainAtMs }
}

/** Pods of revisions that neither serve nor will. */
function retireOthers({ serving, candidate }: Rollout, { pods }: FunctionObservation): Action[] {
  const kept = new Set([serving?.revision, candidate?.template.revision])
  return pods
    .filter(({ revision }) => !kept.has(revision))
    .map(({ uid }) => ({ kind: 'retire', uid, reason: 'its revision is not served any more' }))
}
