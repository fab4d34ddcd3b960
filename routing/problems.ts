/**
 * The catalogue of answers the platform itself gives: one place that maps a stable `code` to status, title and what to do next.
 * docs/problems.md explains each; a test keeps both in step. A function's own failures are not here: they pass through as they are.
 */
export interface ProblemKind {
  status: number
  /** Short, the same for every occurrence. */
  title: string
  /** Seconds after which trying again makes sense; absent = trying again changes nothing. */
  retryAfterSeconds?: number
}

const CATALOGUE = {
  'bad-request': { status: 400, title: 'The request is not valid HTTP' },
  'bad-path': { status: 400, title: 'The path cannot be routed' },
  'bad-topic': { status: 400, title: 'There can be no such topic or partition' },
  'invalid-event': { status: 400, title: 'The event is not what the function takes' },
  'invocation-type-unsupported': { status: 400, title: 'This invocation type is not supported' },
  'upgrade-not-supported': { status: 400, title: 'This function does not take upgraded connections' },
  'topic-reserved': { status: 403, title: 'This topic belongs to the platform' },
  'foreign-site': { status: 403, title: 'Pages of other sites are not served here' },
  'unknown-invocation': { status: 404, title: 'There is no such invocation' },
  'unknown-route': { status: 404, title: 'No trigger serves this host and path' },
  'unknown-function': { status: 404, title: 'There is no such function' },
  'method-not-allowed': { status: 405, title: 'The route does not take this method' },
  'request-timeout': { status: 408, title: 'The request took too long to arrive' },
  'payload-too-large': { status: 413, title: 'The request body is too large' },
  'uri-too-long': { status: 414, title: 'The request target is too long' },
  'queue-full': { status: 429, title: 'Too many requests wait for this function', retryAfterSeconds: 1 },
  'headers-too-large': { status: 431, title: 'The request headers are too large' },
  internal: { status: 500, title: 'The gateway failed' },
  'pod-died': { status: 502, title: 'The function stopped before it answered' },
  'bad-answer': { status: 502, title: 'The function answered with something that cannot be passed on' },
  'code-load-failed': { status: 502, title: "The function's code does not load" },
  'cannot-wake': { status: 503, title: 'The function could not be woken in time', retryAfterSeconds: 2 },
  'events-unavailable': { status: 503, title: 'The event log cannot take it now', retryAfterSeconds: 1 },
  overloaded: { status: 503, title: 'The gateway holds as much as it may', retryAfterSeconds: 1 },
  'pod-refused': { status: 503, title: 'The request could not be moved to another pod', retryAfterSeconds: 1 },
  'runtime-missing': { status: 503, title: "The function's runtime is not installed", retryAfterSeconds: 30 },
  'start-failed': { status: 503, title: "The function's pod could not be started", retryAfterSeconds: 5 },
  'start-timeout': { status: 503, title: "The function's pod did not start in time", retryAfterSeconds: 5 },
  stopping: { status: 503, title: 'The gateway is stopping', retryAfterSeconds: 1 },
  'deadline-exceeded': { status: 504, title: 'The function ran longer than its timeout' },
} as const satisfies Record<string, ProblemKind>

export type ProblemCode = keyof typeof CATALOGUE
export const PROBLEMS: Readonly<Record<ProblemCode, ProblemKind>> = CATALOGUE

function isProblemCode(code: string): code is ProblemCode {
  return Object.hasOwn(CATALOGUE, code)
}

/** An answer from the catalogue. `message` is the detail: one sentence about this occurrence. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError'
  readonly code: ProblemCode
  readonly status: number
  readonly retryAfterSeconds: number | undefined

  constructor(code: ProblemCode, detail: string, retryAfterSeconds = PROBLEMS[code].retryAfterSeconds) {
    super(detail)
    this.code = code
    this.status = PROBLEMS[code].status
    this.retryAfterSeconds = retryAfterSeconds
  }
}

/** What the controller says of a function that cannot run; codes the catalogue does not know count as `cannot-wake`. */
export function problemOf(failure: { code: string; message: string; retryAfterMs?: number | undefined }): ProblemError {
  const code = isProblemCode(failure.code) ? failure.code : 'cannot-wake'
  if (failure.retryAfterMs === undefined) return new ProblemError(code, failure.message)
  return new ProblemError(code, failure.message, Math.max(1, Math.ceil(failure.retryAfterMs / 1000)))
}

/** RFC 9457 body; `instance` is the request id. */
export function problemBody(problem: ProblemError, instance: string): string {
  const { code, status, message } = problem
  const type = `https://dormouse.dev/problems#${code}`
  return JSON.stringify({ type, title: PROBLEMS[code].title, status, code, detail: message, instance })
}

/** `reason`: why its lane has nothing to offer. */
export function waitedTooLong(key: string, waitedMs: number, reason: string): ProblemError {
  return new ProblemError('cannot-wake', `${key} had no free slot for ${Math.round(waitedMs)} ms: ${reason}`)
}
