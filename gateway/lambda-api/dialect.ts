/**
 * How callers of Lambda's Invoke action say what they want, and what they are told: a function's failure is a 200 that says so in a header,
 * the platform's own is JSON with `x-amzn-errortype`. Facts: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
 */
import type { IncomingHttpHeaders, ServerResponse } from 'node:http'
import { HEADER } from '../../api/names.ts'
import { ProblemError, type ProblemCode } from '../../routing/problems.ts'
import { eventFrame } from './event-stream.ts'
import { LAMBDA_REQUEST_ID } from './function-name.ts'
import type { AnswerDialect } from '../proxy/exchange.ts'
import { formatProblems, type ProblemText } from '../proxy/problem-answer.ts'
import type { RequestHead } from '../proxy/request-head.ts'

export const LAMBDA: AnswerDialect = {
  status: (status, headers) => (isFailure(headers) ? 200 : status),
  headers(_status, headers) {
    const log = headers[HEADER.logResult]
    return {
      ...headers,
      'x-amz-executed-version': '$LATEST',
      ...(isFailure(headers) && { 'x-amz-function-error': errorKind(headers) }),
      ...(log !== undefined && { 'x-amz-log-result': log }),
    }
  },
  problem(status, headers) {
    const isRuntimes = status === 400 && headers['content-type'] === 'application/problem+json'
    return isRuntimes
      ? new ProblemError('invalid-event', 'expected a payload that the function takes: JSON')
      : undefined
  },
}

/** Of answers in frames: see framed-exchange.ts. */
export const STREAMED: AnswerDialect = {
  ...LAMBDA,
  status: () => 200,
  headers: (_status, headers) => ({
    'content-type': EVENT_STREAM,
    'x-amz-executed-version': '$LATEST',
    [HEADER.report]: headers[HEADER.report],
  }),
}

const EVENT_STREAM = 'application/vnd.amazon.eventstream'

const isFailure = (headers: IncomingHttpHeaders): boolean => headers[HEADER.error] !== undefined
const errorKind = (headers: IncomingHttpHeaders): string =>
  headers[HEADER.error] === 'handled' ? 'Handled' : 'Unhandled'

/** From here on the answer to this request is Lambda's, whoever writes it. */
export function speakLambda(response: ServerResponse, requestId: string, dialect: AnswerDialect | undefined): void {
  response.setHeader(LAMBDA_REQUEST_ID, requestId)
  formatProblems(response, dialect === STREAMED ? framedProblem : problemText)
}

/** What its headers ask for, as ours do. */
export function hearLambda(head: RequestHead, rawHeaders: readonly string[]): void {
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
  const told = JSON.stringify({ ErrorCode: 'Unhandled', ErrorDetails: whole.body })
  const body = eventFrame('InvokeComplete', 'application/json', Buffer.from(told))
  return { status: 200, headers: ['content-type', EVENT_STREAM, 'x-amz-executed-version', '$LATEST'], body }
}

function problemText(problem: ProblemError, requestId: string): ProblemText & { body: string } {
  const { code, message } = problem
  const errorType = OF_THE_FUNCTION[code]
  if (errorType !== undefined) {
    const headers = ['x-amz-function-error', 'Unhandled', 'x-amz-executed-version', '$LATEST']
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
