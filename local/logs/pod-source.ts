/** Whose lines a pod writes, as its labels tell. */
import { keyOf, LABEL, type ObjectKey } from '../../api/names.ts'
import type { Pod } from '../../kube/objects.ts'

/** The function a pod was claimed for; undefined while it is generic. */
export function podFunction({ metadata }: Pod): ObjectKey | undefined {
  const name = metadata.labels?.[LABEL.function]
  return name === undefined ? undefined : keyOf({ ...metadata, name })
}

export function podRuntime({ metadata }: Pod): string {
  return metadata.labels?.[LABEL.runtime] ?? 'unknown'
}
