/** From a Function's spec to what its pods are made from. Pure: the same spec is the same revision in every process, always. */
import { createHash } from 'node:crypto'
import { durationMs } from '../../api/duration.ts'
import { podConcurrency } from '../../api/function.ts'
import type { DormouseFunction } from '../../api/function.ts'
import { memoryMb } from '../../api/quantity.ts'
import { isRecord } from '../../api/record.ts'
import type { RevisionTemplate } from '../fleet/fleet.ts'

/** Hex digits of a revision: 48 bits, a handful of which are ever compared. Short enough for names and labels. */
const REVISION_LENGTH = 12

/** Scaling is not in it: how many pods there are does not change what a pod is. */
export function templateOf({ metadata, spec }: Pick<DormouseFunction, 'metadata' | 'spec'>): RevisionTemplate {
  const made = {
    runtime: spec.runtime,
    handler: spec.handler,
    signature: spec.signature,
    files: spec.code.inline,
    env: Object.fromEntries(spec.env.map(({ name, value }) => [name, value])),
    timeoutMs: durationMs(spec.timeout),
    concurrency: podConcurrency(spec),
    memoryMb: memoryMb(spec.resources.limits.memory),
  }
  const { namespace = '', name, uid } = metadata
  return { function: { namespace, name, uid }, revision: revisionOf(made), ...made }
}

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
