/** What an answer, or the lack of one, means for a record: the one table from HTTP to retry and dead letter. Pure. */
import type { IncomingHttpHeaders } from 'node:http'
import { HEADER } from '../../api/names.ts'
import type { DeliveryOutcome, ErrorClass, Failure } from '../../events/delivery.ts'
import type { ProblemCode, ProblemError } from '../../routing/problems.ts'

export interface Answer {
  status: number
  headers: IncomingHttpHeaders
  /** As much of it as was kept. */
  body: Buffer
  /** There was more of it. */
  isCut: boolean
}

/** The caller's fault for the moment: trying again may help. */
const RETRIED_4XX: ReadonlySet<number> = new Set([408, 409, 425, 429])

/** Whose `Retry-After` counts. */
const ASKING: ReadonlySet<number> = new Set([429, 503])
const HTTP_DATE = /^[A-Z][a-z]+, .* GMT$/

/** `now`: epoch milliseconds. */
export function outcomeOfAnswer(
  { status, headers, body, isCut }: Answer,
  now: () => number = Date.now,
): DeliveryOutcome {
  const error = headers[HEADER.error]
  if (typeof error === 'string') {
    const failure: Failure = { class: classOf(error), status, message: describe(body, error) }
    return { kind: 'failed', failure, ...(!isCut && { error: body }) }
  }
  if (status >= 200 && status < 300) {
    const contentType = headers['content-type']
    return { kind: 'done', status, body, ...(contentType !== undefined && { contentType }) }
  }
  const message = describe(body, `the function answered ${status}`)
  const failure: Failure = { class: status >= 500 ? 'http-5xx' : 'http-4xx', status, message }
  if (status < 500 && !RETRIED_4XX.has(status)) return { kind: 'rejected', failure }
  const retryAfterMs = ASKING.has(status) ? askedFor(headers['retry-after'], now()) : undefined
  return { kind: 'failed', failure, ...(retryAfterMs !== undefined && { retryAfterMs }) }
}

/** Seconds, or a date (RFC 9110 §10.2.3); undefined where it is neither, or over. */
function askedFor(retryAfter: string | undefined, nowMs: number): number | undefined {
  const text = retryAfter?.trim() ?? ''
  const afterMs = /^\d+$/.test(text) ? Number(text) * 1_000 : HTTP_DATE.test(text) ? Date.parse(text) - nowMs : NaN
  return afterMs > 0 ? afterMs : undefined
}

function classOf(error: string): ErrorClass {
  return error === 'timeout' || error === 'unhandled' ? error : 'handled'
}

/** Milliseconds until it is tried again, for those that cost no attempt. */
const HELD: Partial<Record<ProblemCode, number>> = {
  'unknown-function': 1_000,
  'queue-full': 200,
  'cannot-wake': 500,
  'pod-refused': 100,
  'runtime-missing': 2_000,
  'start-failed': 2_000,
  'start-timeout': 2_000,
  'code-load-failed': 2_000,
  stopping: 500,
  internal: 2_000,
}

const FAILED: Partial<Record<ProblemCode, ErrorClass>> = {
  'deadline-exceeded': 'timeout',
  'pod-died': 'connect',
  'bad-answer': 'unhandled',
}

/** The platform could not get an answer from the function. */
export function outcomeOfProblem({ code, message, status }: ProblemError): DeliveryOutcome {
  const errorClass = FAILED[code]
  if (errorClass !== undefined) return { kind: 'failed', failure: { class: errorClass, status, message } }
  const retryAfterMs = HELD[code]
  if (retryAfterMs !== undefined) return { kind: 'held', reason: message, retryAfterMs }
  return { kind: 'rejected', failure: { class: 'decode', status, message } }
}

/** `Error: out of stock`, from an error object or a problem; else the first line of what came. */
function describe(body: Buffer, otherwise: string): string {
  const text = body.toString('utf8', 0, 4_096)
  try {
    const { errorType, errorMessage, detail } = JSON.parse(text) as Record<string, unknown>
    if (typeof errorMessage === 'string')
      return typeof errorType === 'string' ? `${errorType}: ${errorMessage}` : errorMessage
    if (typeof detail === 'string') return detail
  } catch {
    // Not JSON, or cut: its beginning has to do.
    const message = /"errorMessage":"((?:[^"\\]|\\.)*)/.exec(text)?.[1]
    if (message !== undefined) return message
  }
  const line = text.trim().split('\n', 1)[0] ?? ''
  return line === '' ? otherwise : `${otherwise}: ${line.slice(0, 500)}`
}
