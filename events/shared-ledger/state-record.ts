/** States as records of the ledger's topic: JSON, keyed by the id, bounded. Pure. */
import { z } from 'zod'
import type { ErrorClass, Failure } from '../delivery.ts'
import type { Header, LogRecord, NewRecord } from '../event-log.ts'
import { cutResult, type InvocationState } from '../invocation-ledger.ts'
import { cutText, isErrorClass, textOf } from '../record-headers.ts'

/** Every process reads every state: what is longer is cut. */
export const SHARED_RESULT_BYTES = 64 * 1024
/** Names who wrote it. */
const WRITER = 'dormouse-writer'

const failureSchema = z.object({
  class: z.custom<ErrorClass>((text) => typeof text === 'string' && isErrorClass(text)),
  status: z.number().optional(),
  message: z.string(),
})

const stateSchema = z.object({
  id: z.string(),
  functionKey: z.string(),
  status: z.enum(['queued', 'running', 'retrying', 'succeeded', 'failed']),
  acceptedAtMs: z.number(),
  attempts: z.number(),
  nextAttemptAtMs: z.number().optional(),
  finishedAtMs: z.number().optional(),
  result: z
    .object({ status: z.number(), contentType: z.string(), body: z.base64(), truncated: z.boolean() })
    .transform((result) => ({ ...result, body: Buffer.from(result.body, 'base64') }))
    .optional(),
  failure: failureSchema.optional(),
  destinationFailure: z.string().optional(),
})

/** What all processes can be told of it. */
export function boundedState({ result, failure, destinationFailure, ...state }: InvocationState): InvocationState {
  return {
    ...state,
    ...(result && { result: cutResult(result, SHARED_RESULT_BYTES) }),
    ...(failure && { failure: boundedFailure(failure) }),
    ...(destinationFailure !== undefined && { destinationFailure: cutText(destinationFailure) }),
  }
}

const boundedFailure = (failure: Failure): Failure => ({ ...failure, message: cutText(failure.message) })

/** Of a bounded state. */
export function stateRecord(topic: string, state: InvocationState, writer: string): NewRecord {
  const { result, ...about } = state
  const json = result === undefined ? about : { ...about, result: { ...result, body: result.body.toString('base64') } }
  const headers: Header[] = [[WRITER, Buffer.from(writer)]]
  return { topic, key: Buffer.from(state.id), value: Buffer.from(JSON.stringify(json)), headers }
}

export const writerOf = ({ headers }: Pick<LogRecord, 'headers'>): string | undefined => textOf(headers, WRITER)

/** Undefined: of another make, or damaged. */
export function stateOf({ value }: Pick<LogRecord, 'value'>): InvocationState | undefined {
  const parsed = stateSchema.safeParse(jsonOf(value))
  // What is absent is left out, which is what the type says.
  return parsed.success ? (parsed.data as InvocationState) : undefined
}

function jsonOf(value: Buffer | null): unknown {
  try {
    return JSON.parse(value?.toString('utf8') ?? '')
  } catch {
    return undefined
  }
}
