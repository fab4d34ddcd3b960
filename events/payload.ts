/** Bytes as people and JSON can read them. Pure. */
import type { InvocationInfo, Payload } from '../api/events-api.ts'
import { parseExactly } from '../lib/exact-json.ts'
import { isJsonSyntax } from '../lib/json-syntax.ts'
import type { InvocationState } from './invocation-ledger.ts'

/** Undefined for what is not UTF-8, or has control characters. */
export function printable(bytes: Buffer): string | undefined {
  const text = bytes.toString('utf8')
  return text === '' || /[\u0000-\u0008\u000e-\u001f\ufffd]/.test(text) ? undefined : text
}

export function payload(bytes: Buffer | null): Payload {
  if (bytes === null) return null
  if (bytes.length === 0) return { text: '' }
  const text = printable(bytes)
  return text === undefined ? { base64: bytes.toString('base64') } : { text }
}

export function invocationInfo(state: InvocationState): InvocationInfo {
  const { id, functionKey, status, acceptedAtMs, attempts, nextAttemptAtMs, finishedAtMs, result, failure } = state
  return {
    ...{ id, function: functionKey, status, acceptedAt: isoTime(acceptedAtMs), attempts },
    ...(nextAttemptAtMs !== undefined && { nextAttemptAt: isoTime(nextAttemptAtMs) }),
    ...(finishedAtMs !== undefined && { finishedAt: isoTime(finishedAtMs) }),
    ...(result && { result: { ...result, body: resultBody(result) } }),
    ...(failure && { failure }),
    ...(state.destinationFailure !== undefined && { destinationFailure: state.destinationFailure }),
  }
}

function resultBody({ body, truncated }: NonNullable<InvocationState['result']>): Payload | { json: unknown } {
  if (!truncated && body.length > 0 && isJsonSyntax(body)) return { json: parseExactly(body.toString('utf8')) }
  return payload(body)
}

export function isoTime(epochMs: number): string {
  return new Date(epochMs).toISOString()
}
