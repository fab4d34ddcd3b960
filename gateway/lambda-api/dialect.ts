/**
 * How callers of Lambda's Invoke action say what they want, and what they are told: a function's failure is a 200 that says so in a header,
 * the platform's own is JSON with `x-amzn-errortype`. Facts: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
 */
import type { IncomingHttpHeaders } from 'node:http'
import { HEADER } from '../../api/names.ts'
import { ProblemError, type ProblemCode } from '../../routing/problems.ts'
import type { CallerDialect } from '../proxy/caller-dialect.ts'
import { formatProblems, type ProblemFormat, type ProblemText } from '../proxy/problem-answer.ts'
import { completeFrame, EVENT_STREAM } from './event-stream.ts'
import { FramedExchange } from './framed-exchange.ts'
import { LAMBDA_REQUEST_ID, LATEST, PREFIX } from './function-name.ts'

/** Of a path that begins as those of Lambda's API do. */
export function lambdaDialect(path: string): CallerDialect | undefined {
  if (path.startsWith(PREFIX.whole)) return WHOLE
  return path.startsWith(PREFIX.streamed) ? STREAMED : undefined
}

const WHOLE: CallerDialect = {
  begin: (request) => begin(request, problemText),
  status: (status, headers) => (isFailure(headers) ? 200 : status),
  headers(headers) {
    const log = headers[HEADER.logResult]
    return {
      ...headers,
      'x-amz-executed-version': LATEST,
      ...(isFailure(headers) && { 'x-amz-function-error': errorKind(headers) }),
      ...(log !== undefined && { 'x-amz-log-result': log }),
    }
  },
  // A handler of theirs says no status: it is its runtime's.
  problem(status, signature) {
    return status === 400 && signature === 'event'
      ? new ProblemError('invalid-event', 'expected a payload that the function takes: JSON')
      : undefined
  },
}

const STREAMED: CallerDialect = {
  ...WHOLE,
  begin: (request) => begin(request, framedProblem),
  status: () => 200,
  headers: (headers) => ({
    'content-type': EVENT_STREAM,
    'x-amz-executed-version': LATEST,
    [HEADER.report]: headers[HEADER.report],
  }),
  exchange: FramedExchange,
}

const isFailure = (headers: IncomingHttpHeaders): boolean => headers[HEADER.error] !== undefined
const errorKind = (headers: IncomingHttpHeaders): string =>
  headers[HEADER.error] === 'handled' ? 'Handled' : 'Unhandled'

function begin(
  { head, rawHeaders, response, requestId }: Parameters<CallerDialect['begin']>[0],
  format: ProblemFormat,
): void {
  response.setHeader(LAMBDA_REQUEST_ID, requestId)
  formatProblems(response, format)
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const field = FIELDS.get(rawHeaders[i]?.toLowerCase() ?? '')
    if (field !== undefined) head[field] = rawHeaders[i + 1]
  }
}

const FIELDS = new Map<string, 'invocationType' | 'logType' | 'clientContext'>([
  ['x-amz-invocation-type', 'invocationType'],
  ['x-amz-log-type', 'logType'],
  ['x-amz-client-context', 'clientContext'],
])

/** With Lambda these are failures of the function. */
const OF_THE_FUNCTION: Partial<Record<ProblemCode, string>> = {
  'deadline-exceeded': 'Sandbox.Timedout',
  'pod-died': 'Runtime.ExitError',
  'code-load-failed': 'Runtime.InitError',
  'bad-answer': 'Runtime.BadResponse',
}

const ERROR_TYPES: Record<number, string> = {
  400: 'InvalidRequestContentException',
  404: 'ResourceNotFoundException',
  413: 'RequestTooLargeException',
  429: 'TooManyRequestsException',
}

function framedProblem(problem: ProblemError, requestId: string): ProblemText {
  const whole = problemText(problem, requestId)
  if (OF_THE_FUNCTION[problem.code] === undefined) return whole
  const body = completeFrame({ ErrorCode: 'Unhandled', ErrorDetails: whole.body })
  return { status: 200, headers: ['content-type', EVENT_STREAM, 'x-amz-executed-version', LATEST], body }
}

function problemText(problem: ProblemError, requestId: string): ProblemText & { body: string } {
  const { code, message } = problem
  const errorType = OF_THE_FUNCTION[code]
  if (errorType !== undefined) {
    const headers = ['x-amz-function-error', 'Unhandled', 'x-amz-executed-version', LATEST]
    const error = { errorType, errorMessage: `RequestId: ${requestId} Error: ${message}` }
    return { status: 200, headers: [...JSON_TYPE, ...headers], body: JSON.stringify(error) }
  }
  const status = problem.status >= 500 ? 500 : problem.status
  const type = code === 'invocation-type-unsupported' ? 'InvalidParameterValueException' : ERROR_TYPES[status]
  const Type = status >= 500 ? 'Service' : 'User'
  const body = JSON.stringify({ Type, Message: message, message, ...(status === 429 && { Reason: REASON }) })
  return { status, headers: [...JSON_TYPE, 'x-amzn-errortype', type ?? 'ServiceException'], body }
}

const JSON_TYPE = ['content-type', 'application/json']
/** Of a function that has as much to do as it may have. */
const REASON = 'ReservedFunctionConcurrentInvocationLimitExceeded'
