/** What applying a manifest to the object that is there comes to. Pure. */
import { isDeepStrictEqual } from 'node:util'
import { ANNOTATION, GROUP } from '../../api/names.ts'
import type { KubeObject } from '../../api/object.ts'
import { isRecord } from '../../api/record.ts'
import type { MergePatch } from '../../kube/cluster.ts'

export type ApplyPlan = { kind: 'create' } | { kind: 'unchanged' } | { kind: 'patch'; patch: MergePatch }

type Json = Record<string, unknown>

/**
 * `manifest` complete with its defaults. The object's spec becomes the manifest's; labels and annotations too,
 * but for those of our own domain, which the platform writes, all but the one that restarts.
 */
export function planApply(manifest: KubeObject, current: KubeObject | undefined): ApplyPlan {
  if (current === undefined) return { kind: 'create' }
  const patch: Json = {}
  const spec = patchBetween(specOf(current), specOf(manifest))
  if (spec !== undefined) patch.spec = spec
  const metadata: Json = {}
  for (const field of ['labels', 'annotations'] as const) {
    const change = patchBetween(usersOwn(current.metadata[field]), manifest.metadata[field] ?? {})
    if (change !== undefined) metadata[field] = change
  }
  if (Object.keys(metadata).length > 0) patch.metadata = metadata
  return Object.keys(patch).length === 0 ? { kind: 'unchanged' } : { kind: 'patch', patch }
}

/** The RFC 7386 patch that makes `wanted` of `current`; undefined when they are equal. */
export function patchBetween(current: Json, wanted: Json): Json | undefined {
  // Without a prototype, and asking for own fields only: users may call a file `constructor` or `__proto__`.
  const patch = Object.create(null) as Json
  for (const name of Object.keys(current)) if (!Object.hasOwn(wanted, name)) patch[name] = null
  for (const [name, value] of Object.entries(wanted)) {
    const before = Object.hasOwn(current, name) ? current[name] : undefined
    if (isDeepStrictEqual(before, value)) continue
    const inner = isRecord(before) && isRecord(value) ? patchBetween(before, value) : value
    if (inner !== undefined) patch[name] = inner
  }
  return Object.keys(patch).length === 0 ? undefined : { ...patch }
}

function usersOwn(entries: Record<string, string> | undefined): Json {
  return Object.fromEntries(
    Object.entries(entries ?? {}).filter(([name]) => name === ANNOTATION.restart || !name.startsWith(`${GROUP}/`)),
  )
}

const specOf = (object: KubeObject): Json => ('spec' in object && isRecord(object.spec) ? object.spec : {})
