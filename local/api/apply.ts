/** Manifests → objects: created, configured or unchanged, one answer each, in the order they came. */
import { parseManifest, type Manifest } from '../../api/validate.ts'
import type { KubeObject } from '../../api/object.ts'
import type { Cluster, Kind } from '../../kube/cluster.ts'
import { isConflict } from '../../kube/errors.ts'
import { scopedRef } from '../../kube/kinds.ts'
import { ApiError, toProblem } from './api-error.ts'
import { MANIFEST_KINDS } from './exposed-kinds.ts'
import { planApply } from './plan-apply.ts'

export type ApplyOutcome = 'created' | 'configured' | 'unchanged' | 'refused'

export interface ApplyResult {
  kind: string
  namespace?: string
  name: string
  outcome: ApplyOutcome
  /** Of the object as it now is; wait until its status has observed it. */
  generation?: number
  /** Why it was refused. */
  message?: string
}

/** `body`: `{manifests: [...]}`. A wrong manifest is refused for itself and holds up no other. Throws ApiError 400. */
export async function applyManifests(cluster: Cluster, body: unknown): Promise<ApplyResult[]> {
  const results: ApplyResult[] = []
  for (const manifest of manifestsOf(body)) results.push(await applyOne(cluster, manifest))
  return results
}

function manifestsOf(body: unknown): unknown[] {
  const manifests = typeof body === 'object' && body !== null && 'manifests' in body ? body.manifests : undefined
  if (Array.isArray(manifests)) return manifests
  throw new ApiError(400, 'bad-request', 'expected a JSON body {"manifests": [...]}')
}

async function applyOne(cluster: Cluster, input: unknown): Promise<ApplyResult> {
  const parsed = parseManifest(input)
  if (parsed.kind === 'invalid') {
    return { ...identify(input), outcome: 'refused', message: parsed.sentence }
  }
  const manifest = parsed.object
  const kind = kindOf(manifest)
  const ref = scopedRef(kind, manifest.metadata)
  const identity = { kind: kind.kind, ...ref }
  try {
    return { ...identity, ...(await write({ cluster, kind, manifest })) }
  } catch (error) {
    return { ...identity, outcome: 'refused', message: toProblem(error).message }
  }
}

interface Write {
  cluster: Cluster
  kind: Kind<KubeObject>
  manifest: Manifest
}

/** Tries again when the object changes between our read and our write. */
async function write({ cluster, kind, manifest }: Write): Promise<Pick<ApplyResult, 'outcome' | 'generation'>> {
  const object = manifest as unknown as KubeObject
  const ref = scopedRef(kind, manifest.metadata)
  for (let attempt = 1; ; attempt += 1) {
    const current = await cluster.get(kind, ref)
    const plan = planApply(object, current)
    try {
      switch (plan.kind) {
        case 'create':
          return { outcome: 'created', ...generationOf(await cluster.create(kind, object)) }
        case 'unchanged':
          return { outcome: 'unchanged', ...generationOf(current) }
        case 'patch':
          return {
            outcome: 'configured',
            ...generationOf(await cluster.patch(kind, ref, plan.patch, versionOf(current))),
          }
      }
    } catch (error) {
      if (!isConflict(error) || attempt === 5) throw error
    }
  }
}

function kindOf({ kind: name }: Manifest): Kind<KubeObject> {
  const kind = MANIFEST_KINDS.find((candidate) => candidate.kind === name)
  if (kind === undefined) throw new ApiError(422, 'unknown-kind', `${name} cannot be applied`)
  return kind
}

function generationOf(object: KubeObject | undefined): { generation?: number } {
  const generation = object?.metadata.generation
  return generation === undefined ? {} : { generation }
}

function versionOf(object: KubeObject | undefined): { resourceVersion?: string } {
  return object === undefined ? {} : { resourceVersion: object.metadata.resourceVersion }
}

/** As much of a name as an unusable manifest has. */
function identify(input: unknown): { kind: string; name: string } {
  const { kind, metadata } = (typeof input === 'object' && input !== null ? input : {}) as {
    kind?: unknown
    metadata?: { name?: unknown } | null
  }
  const text = (value: unknown, absent: string) => (typeof value === 'string' ? value : absent)
  return { kind: text(kind, 'object'), name: text(metadata?.name, '(unnamed)') }
}
