/** Kinds the local API shows. Secrets and stored revisions are not among them. */
import { FUNCTIONS, RUNTIMES, TRIGGERS } from '../../api/kinds.ts'
import type { KubeObject } from '../../api/object.ts'
import type { Kind } from '../../kube/cluster.ts'
import { PODS } from '../../kube/objects.ts'
import { ApiError } from './api-error.ts'

/** What users write; pods are only looked at and deleted. */
export const MANIFEST_KINDS: readonly Kind<KubeObject>[] = [FUNCTIONS, TRIGGERS, RUNTIMES]
const EXPOSED: readonly Kind<KubeObject>[] = [...MANIFEST_KINDS, PODS]

/** By plural; throws ApiError 404. */
export function exposedKind(plural: string | undefined): Kind<KubeObject> {
  const kind = EXPOSED.find((candidate) => candidate.plural === plural)
  if (kind !== undefined) return kind
  const known = EXPOSED.map((candidate) => candidate.plural).join(', ')
  throw new ApiError(404, 'unknown-kind', `there are no "${plural ?? ''}" here; expected one of ${known}`)
}
