/** What a controller makes belongs to a Function, or to the Runtime it was made of: it goes with it, and what is somebody else's is left alone. */
import { API_VERSION, LABEL } from '../api/names.ts'
import type { KubeObject, OwnerReference } from '../api/object.ts'
import type { Cluster, Kind, NewObject } from '../kube/cluster.ts'
import { isAlreadyExists, isNotFound } from '../kube/errors.ts'
import { CONTROLLER_REVISIONS, type ControllerRevision } from '../kube/objects.ts'

export function ownerReference(
  kind: 'Function' | 'Runtime',
  { name, uid }: { name: string; uid: string },
): OwnerReference {
  return { apiVersion: API_VERSION, kind, name, uid, controller: true, blockOwnerDeletion: true }
}

export function isOwnedBy({ metadata }: KubeObject, uid: string): boolean {
  return metadata.ownerReferences?.some((owner) => owner.uid === uid) ?? false
}

/** By the API's own word: a watch whose connection has died without one shows nothing new for minutes. Throws ClusterError. */
export async function isStillThere<T extends KubeObject>(
  cluster: Pick<Cluster, 'get'>,
  kind: Kind<T>,
  { namespace, name, uid }: { namespace?: string; name: string; uid: string },
): Promise<boolean> {
  const found = await cluster.get(kind, { name, ...(namespace !== undefined && { namespace }) })
  return found?.metadata.uid === uid
}

/**
 * Ours once, by its labels, and nobody's now: what `kubectl delete --cascade=orphan` leaves of a Function. No garbage collector takes it, and it
 * would keep its name from a Function made anew.
 */
export function isLeftBehind({ metadata }: KubeObject, ours: Pick<KubeObject['metadata'], 'labels'>): boolean {
  const isOurs = [LABEL.managedBy, LABEL.function].every(
    (label) => metadata.labels?.[label] !== undefined && metadata.labels[label] === ours.labels?.[label],
  )
  return isOurs && (metadata.ownerReferences ?? []).length === 0
}

/**
 * That it is there already is fine when it is of the same owner: false then. What was left behind is replaced. Throws ClusterError, and an Error
 * when it is somebody else's, such as a Function's that was deleted and had the same name.
 */
export async function createOwned(
  cluster: Pick<Cluster, 'create' | 'get' | 'delete'>,
  revision: NewObject<ControllerRevision>,
  ownerUid: string,
): Promise<boolean> {
  try {
    await cluster.create(CONTROLLER_REVISIONS, revision)
    return true
  } catch (error) {
    if (!isAlreadyExists(error)) throw error
    const { namespace = '', name = '' } = revision.metadata
    const existing = await cluster.get(CONTROLLER_REVISIONS, { namespace, name })
    if (existing !== undefined && isOwnedBy(existing, ownerUid)) return false
    if (existing === undefined || !isLeftBehind(existing, revision.metadata))
      throw new Error(`expected ControllerRevision ${namespace}/${name} to be ours, it is of a deleted Function`, {
        cause: error,
      })
    await ignoreGone(cluster.delete(CONTROLLER_REVISIONS, { namespace, name }, { uid: existing.metadata.uid }))
    await cluster.create(CONTROLLER_REVISIONS, revision)
    return true
  }
}

export async function ignoreGone(work: Promise<unknown>): Promise<void> {
  try {
    await work
  } catch (error) {
    if (!isNotFound(error)) throw error
  }
}
