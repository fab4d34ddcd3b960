/** Where a Function's code comes from, when it is not in the Function itself. Pure. */
import type { DormouseFunction } from '../../api/function.ts'

export type CodeSource = { kind: 'configMap'; name: string } | { kind: 'archive'; url: string; sha256: string }

/** Undefined: it is in the Function, or in its image. */
export function sourceOf({ spec }: Pick<DormouseFunction, 'spec'>): CodeSource | undefined {
  const { configMap, archive } = spec.code ?? {}
  if (configMap !== undefined) return { kind: 'configMap', name: configMap.name }
  return archive === undefined ? undefined : { kind: 'archive', url: archive.url, sha256: archive.sha256 }
}

/** What has the same identity has the same code; of a ConfigMap only as long as that does not change. */
export function sourceIdentity(source: CodeSource): string {
  return source.kind === 'configMap' ? `configMap ${source.name}` : `archive ${source.sha256}`
}
