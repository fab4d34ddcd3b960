/** From a Function's spec to what its pods are made from. Pure: the same spec is the same revision in every process, always. */
import { createHash } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { durationMs } from '../../api/duration.ts'
import { ANNOTATION } from '../../api/names.ts'
import type { EnvVariable } from '../../api/function-pod.ts'
import { podConcurrency } from '../../api/function.ts'
import type { DormouseFunction } from '../../api/function.ts'
import { memoryMb } from '../../api/quantity.ts'
import { isRecord } from '../../api/record.ts'
import type { Code } from '../code/code-book.ts'
import type { ConfigMapVariable, RevisionTemplate, SecretVariable } from '../fleet/fleet.ts'
import { containerResources, POOL_RESOURCES } from '../fleet/own-pod-policy.ts'

/** Hex digits of a revision: 48 bits, a handful of which are ever compared. Short enough for names and labels. */
const REVISION_LENGTH = 12

/**
 * Scaling is not in it: how many pods there are does not change what a pod is. `code`: what the spec only refers to, when it is known; without it
 * the template is of no use but to be told from others.
 */
export function templateOf(
  { metadata, spec }: Pick<DormouseFunction, 'metadata' | 'spec'>,
  code?: Code,
): RevisionTemplate {
  const restart = metadata.annotations?.[ANNOTATION.restart]
  const { runtime, image, serviceAccountName, nodeSelector = {}, tolerations = [] } = spec
  const resources = containerResources(spec.resources)
  const made = {
    ...(runtime !== undefined && { runtime }),
    ...(image !== undefined && { image }),
    handler: spec.handler,
    signature: spec.signature,
    ...codeOf(spec, code),
    env: Object.fromEntries(
      spec.env.filter(({ valueFrom }) => valueFrom === undefined).map(({ name, value }) => [name, value]),
    ),
    timeoutMs: durationMs(spec.timeout),
    concurrency: podConcurrency(spec),
    memoryMb: memoryMb(spec.resources.limits.memory),
    // Absent, not empty: what a Function does not use must not change its revision.
    ...kubeletEnv(spec),
    ...(restart !== undefined && { restart }),
    ...(serviceAccountName !== undefined && { serviceAccountName }),
    ...(!isDeepStrictEqual(resources, POOL_RESOURCES) && { resources }),
    ...(Object.keys(nodeSelector).length > 0 && { nodeSelector }),
    ...(tolerations.length > 0 && { tolerations }),
  }
  const { namespace = '', name, uid } = metadata
  return { function: { namespace, name, uid }, revision: revisionOf(made), ...made }
}

function codeOf({ code: written }: DormouseFunction['spec'], code?: Code): Pick<RevisionTemplate, 'files' | 'code'> {
  if (code?.kind === 'inline') return { files: code.files }
  return { files: written?.inline ?? {}, ...(code && { code: { digest: code.digest } }) }
}

function kubeletEnv({ env }: DormouseFunction['spec']): Pick<RevisionTemplate, 'secretEnv' | 'configMapEnv'> {
  const secretEnv = env.flatMap(({ name, valueFrom }) => secretVariable(name, valueFrom))
  const configMapEnv = env.flatMap(({ name, valueFrom }) => configMapVariable(name, valueFrom))
  return { ...(secretEnv.length > 0 && { secretEnv }), ...(configMapEnv.length > 0 && { configMapEnv }) }
}

function secretVariable(name: string, valueFrom: EnvVariable['valueFrom']): SecretVariable[] {
  const ref = valueFrom?.secretKeyRef
  return ref === undefined ? [] : [{ name, secret: ref.name, key: ref.key, ...optionalOf(ref) }]
}

function configMapVariable(name: string, valueFrom: EnvVariable['valueFrom']): ConfigMapVariable[] {
  const ref = valueFrom?.configMapKeyRef
  return ref === undefined ? [] : [{ name, configMap: ref.name, key: ref.key, ...optionalOf(ref) }]
}

/** `false` is what is meant when nothing is said. */
const optionalOf = ({ optional }: { optional?: boolean | undefined }) => (optional === true ? { optional } : {})

/** Hash of everything pods are made from, without whose they are: the order of keys does not matter. */
function revisionOf(made: Omit<RevisionTemplate, 'function' | 'revision'>): string {
  return createHash('sha256').update(canonicalJson(made)).digest('hex').slice(0, REVISION_LENGTH)
}

/** JSON with keys in code-unit order. Expects plain JSON values. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => (isRecord(inner) ? sorted(inner) : inner))
}

function sorted(record: Record<string, unknown>): Record<string, unknown> {
  const entries = Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1))
  // A null prototype: a file named __proto__ is a file like any other.
  return Object.assign(Object.create(null) as Record<string, unknown>, Object.fromEntries(entries))
}
