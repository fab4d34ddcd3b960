/**
 * Finds everything wrong with an object of a kind and fills its spec with defaults. Knows nothing of sentences and outcomes: validate.ts
 * turns what this finds into answers.
 */
import { z } from 'zod'
import type { Definition } from './definitions.ts'
import { problemsOf, required, type Problem } from './problem.ts'
import { isRecord } from './record.ts'
import { broken } from './rule-check.ts'
import { dnsLabel } from './rule.ts'

export interface Examined {
  problems: Problem[]
  spec?: unknown
}

export function examine(definition: Definition, object: object): Examined {
  const shape = [...shapeProblems(object), ...metadataProblems(definition, object)]
  const { problems, spec } = examineSpec(definition, object)
  return { problems: [...shape, ...problems], spec }
}

/** Types, bounds and defaults of `spec`; the rules only when those hold, as they may rely on them. */
function examineSpec(definition: Definition, object: { spec?: unknown; metadata?: unknown }): Examined {
  const spec = withoutNulls(object.spec)
  const parsed = definition.spec.safeParse(spec, { reportInput: true })
  if (!parsed.success) return { problems: parsed.error.issues.flatMap((issue) => problemsOf(issue, 'spec')) }
  const whole = { metadata: { name: nameOf(object) }, spec: parsed.data }
  return { problems: definition.rules.flatMap((rule) => broken(rule, whole)), spec: parsed.data }
}

const metadataSchema = z.strictObject({
  name: z.string().optional(),
  namespace: z.string().optional(),
  labels: z.record(z.string(), z.string()).optional(),
  annotations: z.record(z.string(), z.string()).optional(),
  finalizers: z.array(z.string()).optional(),
  ...Object.fromEntries(
    [
      ...['generateName', 'selfLink', 'uid', 'resourceVersion', 'generation', 'creationTimestamp', 'deletionTimestamp'],
      ...['deletionGracePeriodSeconds', 'ownerReferences', 'managedFields'],
    ].map((field) => [field, z.unknown().optional()]),
  ),
})

const objectSchema = z.strictObject({
  apiVersion: z.string().optional(),
  kind: z.string().optional(),
  metadata: metadataSchema,
  spec: z.unknown().optional(),
  status: z.unknown().optional(),
})

function shapeProblems(object: object): Problem[] {
  const parsed = objectSchema.safeParse(withoutNulls(object), { reportInput: true })
  return parsed.success ? [] : parsed.error.issues.flatMap((issue) => problemsOf(issue, ''))
}

const namespaceRule = dnsLabel('metadata.namespace', 'namespace')

/** As kubectl refuses it with apply. */
const GENERATED = 'what is applied needs a name: with generateName each time would make another object'

function metadataProblems({ kind }: Definition, object: { metadata?: unknown }): Problem[] {
  if (!isRecord(object.metadata)) return []
  const { name, generateName, namespace } = object.metadata
  const why = (generateName ?? '') === '' ? 'name or generateName is required' : GENERATED
  const nameless = (name ?? '') === '' ? [required('metadata.name', why)] : []
  if (typeof namespace !== 'string' || namespace === '') return nameless
  if (kind.namespaced) return [...nameless, ...broken(namespaceRule, object)]
  return [...nameless, { path: 'metadata.namespace', message: 'Forbidden: not allowed on this type' }]
}

/** Undefined when it is missing, empty or no text: those are reported as what they are, not by the rule about names. */
export function nameOf(object: { metadata?: unknown }): string | undefined {
  const name = isRecord(object.metadata) ? object.metadata['name'] : undefined
  return typeof name === 'string' && name !== '' ? name : undefined
}

/** A null in an object is an absent field, as for the API server; in a list it stays and is refused. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls)
  if (!isRecord(value)) return value
  const present = Object.entries(value).filter(([, inner]) => inner !== null && inner !== undefined)
  return Object.fromEntries(present.map(([key, inner]) => [key, withoutNulls(inner)]))
}
