/** Small facts about kinds and references that every adapter needs. */
import { DEFAULT_NAMESPACE } from '../api/names.ts'
import type { KubeObject } from '../api/object.ts'
import type { Kind, ObjectRef } from './cluster.ts'

/** A Kind whose objects nobody looks into. */
export type AnyKind = Kind<KubeObject>

/** `v1`, `apps/v1`. */
export function apiVersionOf({ group, version }: AnyKind): string {
  return group === '' ? version : `${group}/${version}`
}

/** The reference as the API server takes it: a namespace exactly when the kind has one. */
export function scopedRef(kind: AnyKind, { namespace, name }: ObjectRef): ObjectRef {
  return kind.namespaced ? { namespace: namespace ?? DEFAULT_NAMESPACE, name } : { name }
}

/** `Pod default/a`: how messages name an object. */
export function describeRef(kind: string, { namespace, name }: ObjectRef): string {
  return namespace === undefined ? `${kind} ${name}` : `${kind} ${namespace}/${name}`
}

/** The order of lists. */
export function byNamespaceAndName({ metadata: a }: KubeObject, { metadata: b }: KubeObject): number {
  if (a.namespace !== b.namespace) return (a.namespace ?? '') < (b.namespace ?? '') ? -1 : 1
  return a.name < b.name ? -1 : 1
}
