/** Lambda's context object, without the parts that settle an invocation (see callback.ts). */
import type { RequestHead } from './request-head.ts'
import type { Specialization } from './specialization.ts'

export const FUNCTION_VERSION = '$LATEST'

export interface LambdaContext {
  callbackWaitsForEmptyEventLoop: boolean
  functionName: string
  functionVersion: string
  invokedFunctionArn: string
  memoryLimitInMB: string
  awsRequestId: string
  logGroupName: string
  logStreamName: string
  identity: undefined
  clientContext: unknown
  getRemainingTimeInMillis(): number
  done?: (error?: unknown, result?: unknown) => void
  succeed?: (result?: unknown) => void
  fail?: (error?: unknown) => void
}

export interface ContextInput {
  specialization: Specialization
  podName: string
  head: RequestHead
  requestId: string
  deadlineMs: number
  now: () => number
}

export function createContext(input: ContextInput): LambdaContext {
  const { specialization, head, deadlineMs, now } = input
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionName: specialization.function.name,
    functionVersion: FUNCTION_VERSION,
    invokedFunctionArn: head.invokedArn ?? functionArn(specialization),
    memoryLimitInMB: String(specialization.memoryMb),
    awsRequestId: input.requestId,
    logGroupName: logGroupName(specialization),
    logStreamName: input.podName,
    identity: undefined,
    clientContext: parseClientContext(head.clientContext),
    getRemainingTimeInMillis: () => Math.max(0, deadlineMs - now()),
  }
}

/** Used when the caller names none. The account's place is taken by the namespace. */
function functionArn(specialization: Specialization): string {
  return `arn:aws:lambda:local:${specialization.function.namespace}:function:${specialization.function.name}`
}

function logGroupName(specialization: Specialization): string {
  return `/aws/lambda/${specialization.function.name}`
}

/** Callers check it; what slips through unreadable counts as absent. */
function parseClientContext(base64: string | undefined): unknown {
  if (base64 === undefined) return undefined
  try {
    return JSON.parse(Buffer.from(base64, 'base64').toString('utf8'))
  } catch {
    return undefined
  }
}

/** Lambda's environment variables; they win over the function's own of the same name, as in Lambda. */
export function lambdaEnvironment(
  specialization: Specialization,
  podName: string,
  codeDir: string,
): Record<string, string> {
  return {
    AWS_LAMBDA_FUNCTION_NAME: specialization.function.name,
    AWS_LAMBDA_FUNCTION_VERSION: FUNCTION_VERSION,
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(specialization.memoryMb),
    // Without it Powertools counts no cold starts.
    AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
    ...(specialization.concurrency > 1 && { AWS_LAMBDA_MAX_CONCURRENCY: String(specialization.concurrency) }),
    AWS_LAMBDA_LOG_GROUP_NAME: logGroupName(specialization),
    AWS_LAMBDA_LOG_STREAM_NAME: podName,
    _HANDLER: specialization.handler,
    LAMBDA_TASK_ROOT: codeDir,
  }
}

/** X-Ray's form of a W3C traceparent; undefined for what is no traceparent. */
export function traceId(traceparent: string | undefined): string | undefined {
  const match = /^[\da-f]{2}-([\da-f]{8})([\da-f]{24})-([\da-f]{16})-([\da-f]{2})/.exec(traceparent ?? '')
  if (match === null) return undefined
  const sampled = parseInt(match[4] ?? '0', 16) & 1
  return `Root=1-${match[1]}-${match[2]};Parent=${match[3]};Sampled=${sampled}`
}
