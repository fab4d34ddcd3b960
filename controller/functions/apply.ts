/** Carries a plan out: what must be stored is stored, then the book says what serves, then pods start and go, then the status tells. */
import type { DormouseFunction, FunctionStatus } from '../../api/function.ts'
import type { Cluster } from '../../kube/cluster.ts'
import { isAlreadyExists, isNotFound } from '../../kube/errors.ts'
import { CONTROLLER_REVISIONS } from '../../kube/objects.ts'
import type { Fleet, RevisionTemplate } from '../fleet/fleet.ts'
import type { StatusWrite, StatusWriter } from '../status-writer.ts'
import type { FunctionMemory } from './function-memory.ts'
import type { FunctionObservation } from './observe.ts'
import type { Action, FunctionPlan } from './plan.ts'
import type { PodStarts } from './pod-starts.ts'
import { brokenPatch, newRevision, revisionName } from './revision-record.ts'
import { publishServing, type ServingBook } from './serving.ts'
import { statusOf } from './status.ts'
import type { Verifier } from './verifier.ts'

export interface ApplyTargets {
  cluster: Pick<Cluster, 'create' | 'get' | 'patch' | 'delete'>
  fleet: Pick<Fleet, 'retire' | 'labelled'>
  serving: ServingBook
  starts: PodStarts
  verifier: Verifier
  statuses: StatusWriter<FunctionStatus, DormouseFunction>
  url: (fn: DormouseFunction) => string
  tell: (fn: DormouseFunction, reason: 'RevisionCreated' | 'RolledOut', message: string) => void
}

export interface ApplyInput {
  seen: FunctionObservation
  plan: FunctionPlan
  memory: FunctionMemory
}

export async function apply(input: ApplyInput, targets: ApplyTargets): Promise<StatusWrite> {
  const { seen, plan } = input
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

/** Other replicas learn from labels which pods are ready and from the status what serves: before the former pods go, or they would wake such. */
function isSwitch({ seen, plan }: ApplyInput, { statuses }: ApplyTargets): boolean {
  const told = statuses.current(seen.function)?.revision
  return told !== undefined && told !== plan.rollout.serving?.revision
}

function writeStatus({ seen, plan }: ApplyInput, { statuses, url }: ApplyTargets): Promise<StatusWrite> {
  const status = statusOf({ seen, rollout: plan.rollout, url: url(seen.function) }, statuses.current(seen.function))
  return statuses.write(seen.function, status)
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
      return void (await ignoreGone(cluster.delete(CONTROLLER_REVISIONS, { namespace, name: action.name })))
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

/** That it is there already is fine when it is ours: the cache had not caught up, or the spec came back to it. */
async function store(
  { template, number }: { template: RevisionTemplate; number: number },
  { function: fn }: FunctionObservation,
  { cluster, tell }: ApplyTargets,
): Promise<void> {
  const { namespace } = template.function
  try {
    await cluster.create(CONTROLLER_REVISIONS, newRevision(template, number))
    tell(fn, 'RevisionCreated', `Created revision ${template.revision}`)
  } catch (error) {
    if (!isAlreadyExists(error)) throw error
    const name = revisionName(template)
    const existing = await cluster.get(CONTROLLER_REVISIONS, { namespace, name })
    const isOurs = existing?.metadata.ownerReferences?.some(({ uid }) => uid === fn.metadata.uid)
    if (isOurs !== true)
      throw new Error(`expected ControllerRevision ${namespace}/${name} to be ours, it is of a deleted Function`, {
        cause: error,
      })
  }
}

async function ignoreGone(work: Promise<unknown>): Promise<void> {
  try {
    await work
  } catch (error) {
    if (!isNotFound(error)) throw error
  }
}
