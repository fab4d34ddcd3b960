/** What a call may expect of an object; ClusterError when it is otherwise. */
import type { KubeObject } from '../../api/object.ts'
import type { DeleteOptions } from '../cluster.ts'
import { ClusterError } from '../errors.ts'
import { apiVersionOf, describeRef, type AnyKind } from '../kinds.ts'

/** Of the kind, and with metadata to look into. */
export function checkKind(kind: AnyKind, object: { apiVersion?: unknown; kind?: unknown; metadata?: unknown }): void {
  const expected = `${apiVersionOf(kind)} ${kind.kind}`
  const found = `${String(object.apiVersion)} ${String(object.kind)}`
  if (expected !== found) throw new ClusterError('Invalid', `expected a ${expected}, got a ${found}`)
  if (typeof object.metadata === 'object' && object.metadata !== null) return
  throw new ClusterError('Invalid', `${kind.kind}: expected metadata with a name`)
}

/** `expected` undefined = any. */
export function checkVersion(kind: AnyKind, { metadata }: KubeObject, expected: string | undefined): void {
  if (expected === undefined || expected === metadata.resourceVersion) return
  const name = describeRef(kind.kind, metadata)
  const found = metadata.resourceVersion
  throw new ClusterError('Conflict', `${name} has changed: expected resourceVersion ${expected}, it is ${found}`)
}

export function checkDeletion(kind: AnyKind, object: KubeObject, options: DeleteOptions): void {
  const { uid, resourceVersion, gracePeriodSeconds: seconds = 0 } = options
  if (!Number.isInteger(seconds) || seconds < 0) {
    throw new ClusterError('Invalid', `gracePeriodSeconds: expected whole seconds, got ${seconds}`)
  }
  if (uid !== undefined && uid !== object.metadata.uid) {
    const name = describeRef(kind.kind, object.metadata)
    throw new ClusterError('Conflict', `${name}: expected uid ${uid}, it is ${object.metadata.uid}`)
  }
  checkVersion(kind, object, resourceVersion)
}
