/** What the API server does to metadata: which fields the caller owns, which it owns itself, and what they may look like. */
import { z } from 'zod'
import type { ManifestMeta, ObjectMeta } from '../../api/object.ts'
import type { NewMeta } from '../cluster.ts'
import { ClusterError } from '../errors.ts'
import { scopedRef, type AnyKind } from '../kinds.ts'
import { rfc3339 } from '../rfc3339.ts'

/** The characters API servers generate names from: no vowels and none that look alike. */
const SUFFIX_ALPHABET = 'bcdfghjklmnpqrstvwxz2456789'
const SUFFIX_LENGTH = 5
const LONGEST_GENERATED_NAME = 63

const NAME = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/
const LABEL_NAME = /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/

const name = z.string().max(253).regex(NAME, {
  error: 'expected lower-case letters, digits, "-" and ".", with a letter or digit at both ends of each part',
})
const labels = z.record(
  z.string().refine(isLabelName, { error: 'expected a label name: [prefix/]name, the name at most 63 characters' }),
  z.string().refine((value) => value === '' || LABEL_NAME.test(value), {
    error: 'expected at most 63 letters, digits, "-", "_" and ".", with a letter or digit at both ends',
  }),
)
const ownerReference = z.object({
  apiVersion: z.string().min(1),
  kind: z.string().min(1),
  name: z.string().min(1),
  uid: z.string().min(1),
  controller: z.boolean().optional(),
  blockOwnerDeletion: z.boolean().optional(),
})

/** What callers own of metadata; whatever else they send is the API server's. */
const callersMetadata = z.object({
  name,
  namespace: name.optional(),
  labels: labels.optional(),
  annotations: z.record(z.string(), z.string()).optional(),
  ownerReferences: z
    .array(ownerReference)
    .refine((owners) => owners.filter((owner) => owner.controller === true).length <= 1, {
      error: 'expected at most one owner with controller: true',
    })
    .optional(),
  finalizers: z.array(z.string().min(1)).optional(),
})

/** `random` is uniform in [0, 1). */
export function generateName(front: string, random: () => number): string {
  const letter = () => SUFFIX_ALPHABET[Math.floor(random() * SUFFIX_ALPHABET.length)] ?? 'x'
  const suffix = Array.from({ length: SUFFIX_LENGTH }, letter).join('')
  return front.slice(0, LONGEST_GENERATED_NAME - SUFFIX_LENGTH) + suffix
}

const GENERATED_NAME_TRIES = 8

/** A generated name that no object has. */
export function freeName(
  kind: AnyKind,
  { generateName: front }: { generateName?: string | undefined },
  { random, isTaken }: { random: () => number; isTaken: (name: string) => unknown },
): string {
  if (!front) throw new ClusterError('Invalid', `${kind.kind}: expected metadata.name or metadata.generateName`)
  for (let tries = 0; tries < GENERATED_NAME_TRIES; tries += 1) {
    const name = generateName(front, random)
    if (!isTaken(name)) return name
  }
  throw new ClusterError('AlreadyExists', `${kind.kind} ${front}…: no free name found, try again`)
}

/** Metadata of a new object; its resourceVersion comes with the write. `name` is the given or generated one. */
export function newMetadata(
  kind: AnyKind,
  meta: NewMeta,
  given: { name: string; uid: string; nowMs: number },
): ObjectMeta {
  return {
    ...callersFields(kind, { ...meta, ...scopedRef(kind, { ...meta, name: given.name }) }),
    uid: given.uid,
    resourceVersion: '',
    creationTimestamp: rfc3339(given.nowMs),
  }
}

/** Metadata after a patch: the caller's fields from `patched`, everything else as it was; what is missing has not changed. */
export function patchedMetadata(kind: AnyKind, old: ObjectMeta, patched: Partial<ObjectMeta>): ObjectMeta {
  if (patched.uid !== undefined && patched.uid !== old.uid) {
    throw new ClusterError('Conflict', `expected uid ${patched.uid}, but the ${kind.kind} has ${old.uid}`)
  }
  for (const field of ['name', 'namespace'] as const) {
    if (patched[field] === old[field] || patched[field] === undefined) continue
    throw new ClusterError(
      'Invalid',
      `${kind.kind} ${JSON.stringify(old.name)} is invalid: metadata.${field} cannot change`,
    )
  }
  const { name, namespace } = old
  const metadata = { ...serversFields(old), ...callersFields(kind, { ...patched, name, namespace }) }
  checkFinalizers(kind, old, metadata)
  return metadata
}

function serversFields(metadata: ObjectMeta): ObjectMeta {
  const kept = Object.entries(metadata).filter(([field]) => !(field in callersMetadata.shape))
  return Object.fromEntries(kept) as unknown as ObjectMeta
}

/** Without empty maps and lists, as the API server keeps them. */
function callersFields(kind: AnyKind, meta: object): ManifestMeta {
  const parsed = callersMetadata.safeParse(meta)
  if (!parsed.success) throw invalidMetadata(kind, meta, parsed.error.issues[0])
  const filled = Object.entries(parsed.data).filter(([, value]) => Object.keys(value ?? {}).length > 0)
  return Object.fromEntries(filled) as unknown as ManifestMeta
}

function invalidMetadata(kind: AnyKind, meta: { name?: unknown }, issue: z.core.$ZodIssue | undefined): ClusterError {
  const path = ['metadata', ...(issue?.path ?? [])].join('.')
  const reason = issue?.code === 'invalid_key' ? issue.issues[0]?.message : issue?.message
  return new ClusterError('Invalid', `${kind.kind} ${JSON.stringify(meta.name)} is invalid: ${path}: ${reason}`)
}

function isLabelName(text: string): boolean {
  const parts = text.split('/')
  const [prefix = '', labelName = prefix] = parts
  if (parts.length > 2 || !LABEL_NAME.test(labelName)) return false
  return parts.length === 1 || NAME.test(prefix)
}

function checkFinalizers(kind: AnyKind, old: ObjectMeta, next: ObjectMeta): void {
  if (old.deletionTimestamp === undefined) return
  const added = (next.finalizers ?? []).find((finalizer) => !old.finalizers?.includes(finalizer))
  if (added === undefined) return
  throw new ClusterError('Invalid', `${kind.kind} ${old.name} is being deleted: finalizer ${added} cannot be added`)
}
