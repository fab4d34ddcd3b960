/** What an object becomes by a call, before admission. Pure: names, uids and times are given. */
import { isDeepStrictEqual } from 'node:util'
import type { KubeObject } from '../../api/object.ts'
import type { MergePatch, NewObject } from '../cluster.ts'
import type { AnyKind } from '../kinds.ts'
import { mergePatch } from '../merge-patch.ts'
import { newMetadata, patchedMetadata } from './metadata-rules.ts'
import { checkKind, checkVersion } from './preconditions.ts'

type Fields = Record<string, unknown>

/** `object` and what it becomes share structure. */
export function createdObject(
  kind: AnyKind,
  object: NewObject<KubeObject>,
  given: { name: string; uid: string; nowMs: number },
): KubeObject {
  const metadata = newMetadata(kind, object.metadata, given)
  const fresh = kind.hasStatus ? without(object, 'status') : object
  return { ...fresh, metadata: 'spec' in object ? { ...metadata, generation: 1 } : metadata } as KubeObject
}

/** A resourceVersion or uid inside the patch is a precondition; a status is ignored where it is a subresource. */
export function patchedObject(kind: AnyKind, old: KubeObject, patch: MergePatch): KubeObject {
  const merged = mergePatch(old, patch) as unknown as KubeObject
  checkKind(kind, merged)
  checkVersion(kind, old, merged.metadata.resourceVersion)
  const metadata = patchedMetadata(kind, old.metadata, merged.metadata)
  if (!kind.hasStatus) return { ...merged, metadata }
  const status = statusOf(old)
  return { ...without(merged, 'status'), ...(status === undefined ? {} : { status }), metadata } as KubeObject
}

export function withStatus(old: KubeObject, patch: object): KubeObject {
  return { ...old, ...mergePatch({ status: statusOf(old) }, { status: patch }) }
}

/** Counts a change of anything but metadata and status. */
export function withGeneration(old: KubeObject, next: KubeObject): KubeObject {
  const { generation } = old.metadata
  if (generation === undefined || isDeepStrictEqual(specOf(old), specOf(next))) return next
  return { ...next, metadata: { ...next.metadata, generation: generation + 1 } }
}

const specOf = (object: KubeObject): Fields => without(without(object, 'metadata'), 'status')

const statusOf = (object: KubeObject): unknown => (object as { status?: unknown }).status

function without(object: object, field: string): Fields {
  return Object.fromEntries(Object.entries(object).filter(([name]) => name !== field))
}
