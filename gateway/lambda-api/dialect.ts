/**
 * How callers of Lambda's Invoke action say what they want, and what they are told: a function's failure is a 200 that says so in a header,
 * the platform's own is JSON with `x-amzn-errortype`. Facts: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
 */
import type { IncomingHttpHeaders } from 'node:http'
import { HEADER } from '../../api/names.ts'
import { isRecord } from '../../api/record.ts'
import { traceparentOfXray } from '../../lib/trace-context.ts'
import { ProblemError, type ProblemCode } from '../../routing/problems.ts'
import type { CallerDialect } from '../proxy/caller-dialect.ts'
import { formatProblems, type ProblemFormat, type ProblemText } from '../proxy/problem-answer.ts'
import type { RequestHead } from '../proxy/request-head.ts'
import { completeFrame, EVENT_STREAM } from './event-stream.ts'
import { FramedExchange } from './framed-exchange.ts'
import { LAMBDA_REQUEST_ID, LATEST, PREFIX } from './function-name.ts'
import { WholeExchange } from './whole-exchange.ts'

/** Of a path that begins as those of Lambda's API do: with the day on which its action came to be. */
export function lambdaDialect(path: string): CallerDialect | undefined {
  if (!ACTION.test(path)) return undefined
  return path.startsWith(PREFIX.streamed) ? STREAMED : WHOLE
}

const ACTION = /^\/20\d\d-\d\d-\d\d\//

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
  exchange: WholeExchange,
}

const STREAMED: CallerDialect = {
  ...WHOLE,
  begin: (request) => begin(request, framedProblem) ?? eventMistake(request.head),
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
): ProblemError | undefined {
  response.setHeader(LAMBDA_REQUEST_ID, requestId)
  formatProblems(response, format)
  for (let i = 0; i + 1 < rawHeaders.length; i += 2)
    FIELDS.get(rawHeaders[i]?.toLowerCase() ?? '')?.(head, rawHeaders[i + 1] ?? '')
  return contextMistake(head.clientContext)
}

const FIELDS = new Map<string, (head: RequestHead, value: string) => void>([
  ['x-amz-invocation-type', (head, value) => void (head.invocationType = value)],
  ['x-amz-log-type', (head, value) => void (head.logType = value)],
  ['x-amz-client-context', (head, value) => void (head.clientContext = value)],
  ['x-amzn-trace-id', (head, value) => void (head.traceparent ??= traceparentOfXray(value))],
])

function contextMistake(base64: string | undefined): ProblemError | undefined {
  if (base64 === undefined || base64 === '') return undefined
  if (base64.length > LONGEST_CONTEXT)
    return new ProblemError(
      'invalid-event',
      `expected a client context of at most ${LONGEST_CONTEXT} bytes, got ${base64.length}`,
    )
  return isJsonObject(base64)
    ? undefined
    : new ProblemError('invalid-event', 'expected a client context that is base64 of a JSON object, got other text')
}

const LONGEST_CONTEXT = 3_583
const BASE64 = /^[\w+/-]*={0,2}$/

function isJsonObject(base64: string): boolean {
  if (!BASE64.test(base64)) return false
  try {
    return isRecord(JSON.parse(Buffer.from(base64, 'base64').toString('utf8')))
  } catch {
    return false
  }
}

/** Who wants to hear the answer as it comes cannot leave before it. */
function eventMistake({ invocationType: type }: RequestHead): ProblemError | undefined {
  if (type?.toLowerCase() !== 'event') return undefined
  return new ProblemError('invocation-type-unsupported', `expected RequestResponse or DryRun, got ${type}`)
}

/** With Lambda these are failures of the function. */
const OF_THE_FUNCTION: Partial<Record<ProblemCode, string>> = {
  'deadline-exceeded': 'Sandbox.Timedout',
  'pod-died': 'Runtime.ExitError',
  'code-load-failed': 'Runtime.InitError',
  'bad-answer': 'Runtime.BadResponse',
}

const ERROR_TYPES: Record<number, string> = {
  400: 'InvalidRequestContentException',
  403: 'AccessDeniedException',
  404: 'ResourceNotFoundException',
  413: 'RequestTooLargeException',
  429: 'TooManyRequestsException',
  500: 'ServiceException',
}
/** Where its status alone says something else. */
const TYPES_OF_CODES: Partial<Record<ProblemCode, string>> = {
  'invocation-type-unsupported': 'InvalidParameterValueException',
  // To a deployment tool a function that is not found is one to create.
  'unknown-route': 'UnknownOperationException',
  'method-not-allowed': 'UnknownOperationException',
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
  const type = TYPES_OF_CODES[code] ?? ERROR_TYPES[status] ?? 'InvalidParameterValueException'
  const Type = status >= 500 ? 'Service' : 'User'
  const body = JSON.stringify({ Type, Message: message, message, ...(status === 429 && { Reason: REASON }) })
  return { status, headers: [...JSON_TYPE, 'x-amzn-errortype', type], body }
}

const JSON_TYPE = ['content-type', 'application/json']
/** Of a function that has as much to do as it may have. */
const REASON = 'ReservedFunctionConcurrentInvocationLimitExceeded'
