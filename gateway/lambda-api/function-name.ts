/**
 * Lambda's Invoke actions on the internal listener, whole and streamed. A name is one alone, with a qualifier, or
 * in an ARN, whole or from its account on; the account's place is the namespace's, as in the ARN that functions are told (default: `default`).
 */
import { objectKey, type ObjectKey } from '../../api/names.ts'
import { ProblemError } from '../../routing/problems.ts'

/** On every answer; set beforehand, so that whoever answers knows of it. */
export const LAMBDA_REQUEST_ID = 'x-amzn-requestid'

const PREFIXES = ['/2015-03-31/functions/', '/2021-11-15/functions/'] as const
const PATH =
  /^\/(?:2015-03-31\/functions\/([^/?]+)\/invocations|2021-11-15\/functions\/([^/?]+)\/response-streaming-invocations)\/?(?:\?(.*))?$/
const NAME = /^(?:(?:arn:[^:]+:lambda:[^:]*:)?([^:]+):function:)?([^:]+)(?::([^:]+))?$/
/** Only what is newest takes calls. */
const LATEST = '$LATEST'

/** Whether a request target is one of Lambda's API. */
export function isLambdaPath(target: string | undefined): boolean {
  return target !== undefined && PREFIXES.some((prefix) => target.startsWith(prefix))
}

export interface Invoked {
  key: ObjectKey
  /** The answer is to be framed as it comes. */
  isStreamed: boolean
}

/** Throws ProblemError. */
export function invokedFunction(method: string, path: string): Invoked {
  const [, whole, streamed, query] = PATH.exec(path) ?? []
  const [, account = 'default', name, inName] = NAME.exec(decoded(whole ?? streamed ?? '')) ?? []
  if (name === undefined)
    throw new ProblemError('unknown-route', `expected ${PREFIXES[0]}<name or ARN>/invocations, got ${path}`)
  if (method !== 'POST') throw new ProblemError('method-not-allowed', `expected POST, got ${method}`)
  const qualifier = inName ?? new URLSearchParams(query).get('Qualifier') ?? LATEST
  if (qualifier !== LATEST)
    throw new ProblemError(
      'unknown-function',
      `expected ${LATEST} as qualifier of ${account}/${name}, got ${qualifier}`,
    )
  return { key: objectKey(account, name), isStreamed: streamed !== undefined }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
