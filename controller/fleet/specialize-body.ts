/** Pure: what a pod is told to become a function's. */
import type { Specialize } from '../../api/protocol.ts'
import type { RevisionTemplate } from './fleet.ts'

/** A signed specialization cannot be replayed for longer. */
const SIGNATURE_LIFETIME_MS = 60_000

export interface SpecializeBodyInput {
  podUid: string
  dataKey: string
  proof: string
  platformUrl: string | undefined
  /** Of code that is not in the revision. */
  packed: Buffer | undefined
  /** Wall time, not the clock of decisions: the pod compares it with its own. */
  wallMs: number
}

export function specializeBody(template: RevisionTemplate, input: SpecializeBodyInput): Specialize {
  const { podUid, dataKey, proof, platformUrl, packed, wallMs } = input
  const { function: ref, revision, handler, signature, files, storedAt, timeoutMs, concurrency, memoryMb } = template
  // Not part of the revision: where the platform listens is no reason to roll out anew.
  const env = platformUrl === undefined ? template.env : { ...template.env, DORMOUSE_URL: platformUrl }
  const code = packed === undefined ? { files } : { packed: packed.toString('base64') }
  const dated = storedAt === undefined ? code : { ...code, modifiedAt: storedAt }
  const what = { function: ref, revision, handler, signature, ...dated, env, timeoutMs, concurrency, memoryMb }
  return { ...what, podUid, expiresAt: wallMs + SIGNATURE_LIFETIME_MS, dataKey, proof }
}
