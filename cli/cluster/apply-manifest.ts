/** One manifest → the API server, as the field manager `dormouse-cli`: what it names becomes so, what others own stays. */
import { parseManifest } from '../../api/validate.ts'
import type { KubeObject } from '../../api/object.ts'
import type { AppliedObject, Cluster, Kind } from '../../kube/cluster.ts'
import { ClusterError } from '../../kube/errors.ts'
import { scopedRef } from '../../kube/kinds.ts'
import { isUnknownKind } from './refusal.ts'
import { MANIFEST_KINDS } from '../../local/api/exposed-kinds.ts'
import type { ApplyOutcome, ApplyResult } from '../../local/api/apply.ts'

const FIELD_MANAGER = 'dormouse-cli'

/** `written`: as the user wrote it, its namespace filled in; the command has checked it. Throws ClusterError other than Invalid and Forbidden. */
export async function applyManifest(cluster: Cluster, written: unknown): Promise<ApplyResult> {
  const parsed = parseManifest(written)
  if (parsed.kind === 'invalid') return { kind: 'object', name: '', outcome: 'refused', message: parsed.sentence }
  const { kind: name, metadata } = parsed.object
  const kind = MANIFEST_KINDS.find((candidate) => candidate.kind === name) as Kind<KubeObject>
  const ref = scopedRef(kind, metadata)
  const identity = { kind: kind.kind, ...ref }
  try {
    const before = await cluster.get(kind, ref)
    const after = await cluster.apply(kind, written as AppliedObject<KubeObject>, { fieldManager: FIELD_MANAGER })
    const { generation } = after.metadata
    return { ...identity, outcome: outcomeOf(before, after), ...(generation !== undefined && { generation }) }
  } catch (error) {
    if (!isAboutThisObject(error) || isUnknownKind(error)) throw error
    return { ...identity, outcome: 'refused', message: error.message }
  }
}

function isAboutThisObject(error: unknown): error is ClusterError {
  return error instanceof ClusterError && ['Invalid', 'Forbidden', 'NotFound', 'Conflict'].includes(error.code)
}

function outcomeOf(before: KubeObject | undefined, after: KubeObject): ApplyOutcome {
  if (before === undefined) return 'created'
  return before.metadata.resourceVersion === after.metadata.resourceVersion ? 'unchanged' : 'configured'
}
