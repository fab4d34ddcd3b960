import type { KubeObject, ObjectMeta } from '../../api/object.ts'
import { PODS, type Pod } from '../objects.ts'
import { rfc3339 } from '../rfc3339.ts'
import { kindIdOf } from './object-store.ts'

/** remove: it goes now · mark: it stays with this metadata until the kubelet or a finalizer is done · pending: nothing new. */
export type DeletionPlan = { kind: 'remove' } | { kind: 'mark'; metadata: ObjectMeta } | { kind: 'pending' }

/** A pod's grace when neither it nor the caller says one. */
export const DEFAULT_GRACE_SECONDS = 30

/** What a delete call does, as the API server decides it. `requestedSeconds` is the caller's grace period. */
export function planDeletion(object: KubeObject, requestedSeconds: number | undefined, nowMs: number): DeletionPlan {
  return object.metadata.deletionTimestamp === undefined
    ? firstDeletion(object, requestedSeconds, nowMs)
    : repeatedDeletion(object, requestedSeconds)
}

function firstDeletion(object: KubeObject, requestedSeconds: number | undefined, nowMs: number): DeletionPlan {
  const seconds = graceSeconds(object, requestedSeconds)
  if (seconds === 0 && !hasFinalizers(object)) return { kind: 'remove' }
  const { generation } = object.metadata
  const metadata = {
    ...object.metadata,
    deletionTimestamp: rfc3339(nowMs + seconds * 1000),
    deletionGracePeriodSeconds: seconds,
    ...(generation === undefined ? {} : { generation: generation + 1 }),
  }
  return { kind: 'mark', metadata }
}

/** The grace period can only get shorter; none asked for = go on waiting. */
function repeatedDeletion(object: KubeObject, requestedSeconds: number | undefined): DeletionPlan {
  const { deletionTimestamp = '', deletionGracePeriodSeconds: currentSeconds = 0 } = object.metadata
  if (currentSeconds === 0 || requestedSeconds === undefined || requestedSeconds >= currentSeconds) {
    return { kind: 'pending' }
  }
  if (requestedSeconds === 0 && !hasFinalizers(object)) return { kind: 'remove' }
  const earlierMs = Date.parse(deletionTimestamp) - (currentSeconds - requestedSeconds) * 1000
  const metadata = {
    ...object.metadata,
    deletionTimestamp: rfc3339(earlierMs),
    deletionGracePeriodSeconds: requestedSeconds,
  }
  return { kind: 'mark', metadata }
}

/** Whether an update took away the last thing a deleted object waited for. */
export function isDeletionComplete({ metadata }: KubeObject): boolean {
  const { deletionTimestamp, deletionGracePeriodSeconds = 0, finalizers = [] } = metadata
  return deletionTimestamp !== undefined && deletionGracePeriodSeconds === 0 && finalizers.length === 0
}

/** Only a pod that a kubelet has and that still runs is given time. */
function graceSeconds(object: KubeObject, requestedSeconds: number | undefined): number {
  if (!isPod(object) || object.spec.nodeName === undefined) return 0
  const phase = object.status?.phase
  if (phase === 'Succeeded' || phase === 'Failed') return 0
  return requestedSeconds ?? object.spec.terminationGracePeriodSeconds ?? DEFAULT_GRACE_SECONDS
}

function isPod(object: KubeObject): object is Pod {
  return kindIdOf(object) === `${PODS.version}/${PODS.kind}`
}

const hasFinalizers = ({ metadata }: KubeObject): boolean => (metadata.finalizers ?? []).length > 0
