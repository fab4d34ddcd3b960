/** In which namespace each manifest goes. Pure. */
import { FUNCTIONS, TRIGGERS } from '../../api/kinds.ts'
import { ManifestError, type ManifestMistake } from '../cli-error.ts'
import type { LoadedManifest } from './load-manifests.ts'

export interface Placement {
  /** By --namespace. */
  given: string | undefined
  /** Of manifests that name none. */
  otherwise: string
}

/** As they are sent: each with its namespace. Throws ManifestError where one names another than is given. */
export function placeAll(loaded: readonly LoadedManifest[], { given, otherwise }: Placement): unknown[] {
  const mistakes = given === undefined ? [] : loaded.flatMap((manifest) => contradiction(manifest, given))
  if (mistakes.length > 0) throw new ManifestError(mistakes)
  return loaded.map(({ manifest: { kind, metadata }, written }) => {
    if (metadata.namespace !== undefined || !NAMESPACED.includes(kind)) return written
    return { ...written, metadata: { ...(written['metadata'] as object), namespace: given ?? otherwise } }
  })
}

const NAMESPACED: readonly string[] = [FUNCTIONS, TRIGGERS].map(({ kind }) => kind)

function contradiction({ file, manifest, locate }: LoadedManifest, given: string): ManifestMistake[] {
  const { namespace } = manifest.metadata
  if (namespace === undefined || namespace === given || !NAMESPACED.includes(manifest.kind)) return []
  const message = `metadata.namespace: expected ${given}, as --namespace says, got ${namespace}`
  return [{ file, ...locate('metadata.namespace'), message }]
}
