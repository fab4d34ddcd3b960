import { isRecord } from '../api/record.ts'
import type { MergePatch } from './cluster.ts'

type Json = Record<string, unknown>

/** RFC 7386: null removes, objects merge, everything else (lists too) replaces. Changes neither argument. */
export function mergePatch(target: unknown, patch: MergePatch): Json {
  // Without a prototype while it grows: a patch that names `__proto__` sets a plain field.
  const merged = Object.assign(Object.create(null) as Json, isRecord(target) ? target : {})
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete merged[name]
    else if (value !== undefined) merged[name] = isRecord(value) ? mergePatch(merged[name], value) : value
  }
  return Object.fromEntries(Object.entries(merged))
}
