/**
 * Says of any object whether the API server would take it, with the defaults it would fill in and the sentence it would refuse it with.
 * The order is the API server's: unknown fields, then types and bounds, then, if those hold, the rules. Pure; knows nothing of files or HTTP.
 */
import { DEFINITIONS } from './definitions.ts'
import { examine, nameOf } from './examine.ts'
import type { DormouseFunction } from './function.ts'
import { KINDS, type KindName } from './kinds.ts'
import { API_VERSION, VERSION } from './names.ts'
import type { ManifestMeta } from './object.ts'
import { sentence, type Problem } from './problem.ts'
import { isRecord } from './record.ts'
import type { Runtime } from './runtime.ts'
import type { Trigger } from './trigger.ts'

type AsWritten<T> = T extends unknown ? Omit<T, 'metadata' | 'status'> & { metadata: ManifestMeta } : never

/** A valid manifest with its defaults; what the API server adds to metadata, and status, are left out. */
export type Manifest = AsWritten<DormouseFunction | Trigger | Runtime>

export type ParsedManifest =
  | { kind: 'valid'; object: Manifest }
  /** `sentence` is what kubectl would print. */
  | { kind: 'invalid'; problems: Problem[]; sentence: string }

/** An object that breaks its schema or a rule; the message is the sentence kubectl prints. */
export class InvalidObjectError extends Error {
  override readonly name = 'InvalidObjectError'
  readonly code = 'Invalid'
  readonly problems: readonly Problem[]

  constructor(message: string, problems: readonly Problem[]) {
    super(message)
    this.problems = problems
  }
}

/** What a user wrote, as parsed from YAML or JSON. Never throws. */
export function parseManifest(input: unknown): ParsedManifest {
  if (!isRecord(input))
    return refuse([{ path: '', message: 'expected an object with apiVersion, kind, metadata and spec' }])
  const unknownKind = kindProblem(input)
  if (unknownKind) return refuse([unknownKind])
  const kind = input['kind'] as KindName
  const { problems, spec } = examine(DEFINITIONS[kind], input)
  if (problems.length > 0) {
    return {
      kind: 'invalid',
      problems,
      sentence: sentence({ kind, name: nameOf(input) ?? '', version: VERSION }, problems),
    }
  }
  const object = { apiVersion: API_VERSION, kind, metadata: writtenMeta(input['metadata'] as ManifestMeta), spec }
  return { kind: 'valid', object: object as Manifest }
}

/**
 * What the API server does with an object of `kind` on create and after a patch: returns it with defaults, or throws InvalidObjectError.
 * Kinds that are not ours pass as they are; metadata (with a name) and status are kept.
 */
export function admit<T extends object>(kind: string, object: T): T {
  if (!isOurs(kind)) return object
  const { problems, spec } = examine(DEFINITIONS[kind], object)
  if (problems.length === 0) return { ...object, spec }
  throw new InvalidObjectError(sentence({ kind, name: nameOf(object) ?? '', version: VERSION }, problems), problems)
}

function refuse(problems: Problem[]): ParsedManifest {
  return { kind: 'invalid', problems, sentence: problems.map(({ message }) => message).join('; ') }
}

function kindProblem({ apiVersion, kind }: Record<string, unknown>): Problem | undefined {
  if (typeof kind !== 'string' || kind === '')
    return { path: 'kind', message: `Object 'Kind' is missing: expected ${expectedKinds}` }
  if (typeof apiVersion !== 'string' || apiVersion === '') {
    return { path: 'apiVersion', message: `Object 'apiVersion' is missing: expected ${API_VERSION}` }
  }
  if (apiVersion === API_VERSION && isOurs(kind)) return undefined
  return {
    path: apiVersion === API_VERSION ? 'kind' : 'apiVersion',
    message: `no matches for kind "${kind}" in version "${apiVersion}": expected ${expectedKinds} in version "${API_VERSION}"`,
  }
}

const expectedKinds = KINDS.map(({ kind }) => kind)
  .join(', ')
  .replace(/, (\w+)$/, ' or $1')

function isOurs(kind: string): kind is KindName {
  return Object.hasOwn(DEFINITIONS, kind)
}

const META_FIELDS = ['name', 'namespace', 'labels', 'annotations', 'ownerReferences', 'finalizers'] as const

function writtenMeta(metadata: ManifestMeta): ManifestMeta {
  const present = META_FIELDS.filter((field) => metadata[field] !== undefined && metadata[field] !== null)
  return Object.fromEntries(present.map((field) => [field, metadata[field]])) as unknown as ManifestMeta
}
