/**
 * What a log says of an error beyond its object: what caused it. `fetch failed` is nothing to go by, and a refused connection to a name with
 * two addresses has no message at all. Callers are not told: causes speak of what lies behind the function.
 */
import { errorObject, thrownObject, type ErrorObject } from './error-object.ts'

export interface ErrorRecord extends ErrorObject {
  code?: string | number
  cause?: ErrorRecord
  /** Of an AggregateError. */
  errors?: ErrorRecord[]
}

/** Causes may go round in circles. */
const DEEPEST = 3
const MOST = 8

/** Never throws, whatever was thrown. */
export function errorRecord(codeDir: string, thrown: unknown, deepest = DEEPEST): ErrorRecord {
  const object = thrownObject(codeDir, thrown)
  const { code, cause, errors } = partsOf(thrown)
  const inner = (error: unknown) => errorRecord(codeDir, error, deepest - 1)
  return {
    ...object,
    ...(code !== undefined && { code }),
    ...(cause !== undefined && deepest > 0 && { cause: inner(cause) }),
    ...(errors.length > 0 && deepest > 0 && { errors: errors.map(inner) }),
  }
}

/** The messages of all that caused an error, in one line; empty if nothing is told. */
export function causesOf(thrown: unknown): string {
  return [...new Set(messagesBelow(thrown, DEEPEST))].join('; ')
}

function messagesBelow(thrown: unknown, deepest: number): string[] {
  if (deepest === 0) return []
  const { cause, errors } = partsOf(thrown)
  return [...(cause === undefined ? [] : [cause]), ...errors]
    .flatMap((error) => [errorObject(error).errorMessage, ...messagesBelow(error, deepest - 1)])
    .filter((message) => message !== '')
}

interface Parts {
  code?: string | number
  cause?: unknown
  errors: Error[]
}

/** Those that can be read. Some libraries keep other things under these names. */
function partsOf(thrown: unknown): Parts {
  if (!(thrown instanceof Error)) return { errors: [] }
  try {
    const { code, cause, errors } = thrown as { code?: unknown; cause?: unknown; errors?: unknown }
    return {
      ...((typeof code === 'string' || typeof code === 'number') && { code }),
      ...(cause !== undefined && cause !== null && { cause }),
      errors: Array.isArray(errors) ? errors.filter((error) => error instanceof Error).slice(0, MOST) : [],
    }
  } catch {
    return { errors: [] }
  }
}
