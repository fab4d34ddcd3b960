/** What a folder of manifests asks for, beside what was applied of it before. Pure. */
import { keyOf } from '../../api/names.ts'
import type { LoadedManifest, LoadedManifests } from '../manifests/load-manifests.ts'

/** What was last sent to the API: object id → the file it stands in and its content. */
export type Applied = ReadonlyMap<string, AppliedManifest>

export interface AppliedManifest {
  file: string
  kind: string
  name: string
  namespace: string | undefined
  /** Content as one string, for comparison. */
  content: string
}

export interface FolderChanges {
  apply: LoadedManifest[]
  remove: AppliedManifest[]
  /** What holds once both are done. */
  applied: Map<string, AppliedManifest>
}

/** A file with a mistake in it keeps all that was applied from it. */
export function planChanges(loaded: LoadedManifests, before: Applied): FolderChanges {
  const wrongFiles = new Set(loaded.mistakes.map(({ file }) => file))
  const applied = new Map<string, AppliedManifest>()
  const apply: LoadedManifest[] = []
  for (const entry of loaded.manifests) {
    const id = manifestId(entry)
    const content = JSON.stringify(entry.written)
    if (before.get(id)?.content !== content) apply.push(entry)
    const { kind, metadata } = entry.manifest
    applied.set(id, { file: entry.file, kind, name: metadata.name, namespace: metadata.namespace, content })
  }
  const remove: AppliedManifest[] = []
  for (const [id, old] of before) {
    if (applied.has(id)) continue
    if (wrongFiles.has(old.file)) applied.set(id, old)
    else remove.push(old)
  }
  return { apply, remove, applied }
}

export function manifestId({ manifest: { kind, metadata } }: LoadedManifest): string {
  return `${kind} ${keyOf(metadata)}`
}
