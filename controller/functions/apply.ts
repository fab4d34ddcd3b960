/** Carries a plan out: what must be stored is stored, then the book says what serves, then pods start and go, then the status tells. */
import type { DormouseFunction, FunctionStatus } from '../../api/function.ts'
import { FUNCTIONS } from '../../api/kinds.ts'
import type { Cluster } from '../../kube/cluster.ts'
import { CONTROLLER_REVISIONS } from '../../kube/objects.ts'
import type { Fleet, RevisionTemplate } from '../fleet/fleet.ts'
import { createOwned, ignoreGone, isStillThere } from '../ownership.ts'
import type { StatusWrite, StatusWriter } from '../status-writer.ts'
import type { FunctionMemory } from './function-memory.ts'
import type { FunctionObservation } from './observe.ts'
import type { Action, FunctionPlan } from './plan.ts'
import type { PodStarts } from './pod-starts.ts'
import { brokenPatch, newRevision } from './revision-record.ts'
import { publishServing, type ServingBook } from './serving.ts'
import { statusOf, type AddressRules } from './status.ts'
import { holdUntilMs } from './status-hold.ts'
import type { Verifier } from './verifier.ts'

export interface ApplyTargets {
  cluster: Pick<Cluster, 'create' | 'get' | 'patch' | 'delete'>
  fleet: Pick<Fleet, 'retire' | 'labelled'>
  serving: ServingBook
  starts: PodStarts
  verifier: Verifier
  statuses: StatusWriter<FunctionStatus, DormouseFunction>
  /** How long a status waits for what was woken. */
  afterWakeMs: number
  address: AddressRules
  /** Code that no revision of the function needs any more. */
  removeCode: (owner: RevisionTemplate['function'], digest: string) => Promise<void>
  tell: (fn: DormouseFunction, reason: 'RevisionCreated' | 'RolledOut', message: string) => void
}

export interface ApplyInput {
  seen: FunctionObservation
  plan: FunctionPlan
  memory: FunctionMemory
}

/** What became of the status; heldUntilMs: it waits for a wake-up to be over, look again then. */
export type Applied = StatusWrite | { heldUntilMs: number }

export const heldUntilMs = (applied: Applied): number => (typeof applied === 'string' ? Infinity : applied.heldUntilMs)

export async function apply(input: ApplyInput, targets: ApplyTargets): Promise<Applied> {
  const { seen, plan } = input
  if (await isGoneUnseen(input, targets)) return 'conflict'
  for (const action of plan.before) await act(action, input, targets)
  publish(input, targets)
  if (isSwitch(input, targets)) {
    await targets.fleet.labelled(seen.key)
    if ((await writeStatus(input, targets)) === 'conflict') return 'conflict'
  }
  if (!plan.after.some(({ kind }) => kind === 'verify')) targets.verifier.withdraw(seen.key)
  for (const action of plan.after) await act(action, input, targets)
  return writeStatus(input, targets)
}

/**
 * A revision that was stored and is not there any more was deleted by hand, or with its Function, of which a watch that is silent has not told:
 * what is made for one that is gone is deleted at once, and would be made again.
 */
async function isGoneUnseen({ seen, plan, memory }: ApplyInput, { cluster }: ApplyTargets): Promise<boolean> {
  const isAgain = (action: Action) => action.kind === 'store-revision' && memory.stored.has(action.template.revision)
  if (!plan.before.some(isAgain)) return false
  return !(await isStillThere(cluster, FUNCTIONS, seen.function.metadata))
}

/** Other replicas learn from labels which pods are ready and from the status what serves: before the former pods go, or they would wake such. */
function isSwitch({ seen, plan }: ApplyInput, { statuses }: ApplyTargets): boolean {
  const told = statuses.current(seen.function)?.revision
  return told !== undefined && told !== plan.rollout.serving?.revision
}

async function writeStatus({ seen, plan, memory }: ApplyInput, targets: ApplyTargets): Promise<Applied> {
  const { statuses, address, afterWakeMs } = targets
  const current = statuses.current(seen.function)
  const next = statusOf({ seen, rollout: plan.rollout, address }, current)
  const { heldSinceMs } = memory
  const lacksName = address.makesServices && seen.service === undefined
  const untilMs =
    next === current ? undefined : holdUntilMs({ current, next, seen, lacksName, heldSinceMs, afterWakeMs })
  memory.heldSinceMs = untilMs === undefined ? undefined : (heldSinceMs ?? seen.nowMs)
  return untilMs === undefined ? statuses.write(seen.function, next) : { heldUntilMs: untilMs }
}

/** One change of the book is one change of the feed: callers see the old revision or the new one, never half of both. */
function publish({ seen, plan }: ApplyInput, { serving, tell }: ApplyTargets): void {
  if (!publishServing(serving, plan.serving)) return
  const revision = plan.serving.template?.revision
  if (revision === undefined || seen.servingRevision === undefined || revision === seen.servingRevision) return
  tell(seen.function, 'RolledOut', `Revision ${revision} takes calls instead of ${seen.servingRevision}`)
}

async function act(action: Action, { seen, memory }: ApplyInput, targets: ApplyTargets): Promise<void> {
  const { cluster, fleet, starts, verifier } = targets
  const { namespace = '' } = seen.function.metadata
  switch (action.kind) {
    case 'store-revision':
      return store(action, seen, targets)
    case 'mark-broken':
      return void (await ignoreGone(
        cluster.patch(CONTROLLER_REVISIONS, { namespace, name: action.name }, { ...brokenPatch(action.broken) }),
      ))
    case 'delete-revision':
      await ignoreGone(cluster.delete(CONTROLLER_REVISIONS, { namespace, name: action.name }))
      for (const digest of action.code) await targets.removeCode(seen.target.function, digest)
      return
    case 'verify':
      return verifier.request({ key: seen.key, template: action.template, isUpdate: action.isUpdate, memory })
    case 'start':
      for (let pod = 0; pod < action.pods; pod += 1) void starts.start(memory, action.template)
      return
    case 'retire':
      memory.retired(action.uid)
      return fleet.retire(action.uid, action.reason)
  }
}

/** It may be there already: the cache had not caught up, or the spec came back to it. */
async function store(
  { template, number }: { template: RevisionTemplate; number: number },
  { function: fn }: FunctionObservation,
  { cluster, tell }: ApplyTargets,
): Promise<void> {
  const isNew = await createOwned(cluster, newRevision(template, number), fn.metadata.uid)
  // Of the first the status tells all there is to know.
  if (isNew && number > 1) tell(fn, 'RevisionCreated', `Created revision ${template.revision}`)
}
