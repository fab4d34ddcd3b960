/** Where the API server keeps objects of a kind. */
import type { CacheOptions, ObjectRef } from '../cluster.ts'
import { scopedRef, type AnyKind } from '../kinds.ts'

/** Without a namespace of a namespaced kind: those of all. */
export function collectionPath({ group, version, plural, namespaced }: AnyKind, namespace: string | undefined): string {
  const root = group === '' ? `/api/${version}` : `/apis/${group}/${version}`
  return namespaced && namespace !== undefined
    ? `${root}/namespaces/${encodeURIComponent(namespace)}/${plural}`
    : `${root}/${plural}`
}

export function objectPath(kind: AnyKind, ref: ObjectRef, subresource?: string): string {
  const { namespace, name } = scopedRef(kind, ref)
  const path = `${collectionPath(kind, namespace)}/${encodeURIComponent(name)}`
  return subresource === undefined ? path : `${path}/${subresource}`
}

export function selectorQuery({ labels = {} }: CacheOptions): Record<string, string> {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}=${value}`)
  return pairs.length === 0 ? {} : { labelSelector: pairs.join(',') }
}
