/**
 * Lambda's Invoke action on the internal listener: `/2015-03-31/functions/<name>/invocations`. A name is one alone, with a qualifier, or
 * in an ARN, whole or from its account on; the account's place is the namespace's, as in the ARN that functions are told (default: `default`).
 */
import { objectKey, type ObjectKey } from '../../api/names.ts'
import { ProblemError } from '../../routing/problems.ts'

/** On every answer; set beforehand, so that whoever answers knows of it. */
export const LAMBDA_REQUEST_ID = 'x-amzn-requestid'

const PREFIX = '/2015-03-31/functions/'
const PATH = /^\/2015-03-31\/functions\/([^/?]+)\/invocations\/?(?:\?(.*))?$/
const NAME = /^(?:(?:arn:[^:]+:lambda:[^:]*:)?([^:]+):function:)?([^:]+)(?::([^:]+))?$/
/** Only what is newest takes calls. */
const LATEST = '$LATEST'

/** Whether a request target is one of Lambda's API. */
export function isLambdaPath(target: string | undefined): boolean {
  return target?.startsWith(PREFIX) === true
}

/** Throws ProblemError. */
export function invokedFunction(method: string, path: string): ObjectKey {
  const match = PATH.exec(path)
  const [, account = 'default', name, inName] = NAME.exec(decoded(match?.[1] ?? '')) ?? []
  if (match === null || name === undefined)
    throw new ProblemError('unknown-route', `expected ${PREFIX}<name or ARN>/invocations, got ${path}`)
  if (method !== 'POST') throw new ProblemError('method-not-allowed', `expected POST, got ${method}`)
  const qualifier = inName ?? new URLSearchParams(match[2]).get('Qualifier') ?? LATEST
  if (qualifier !== LATEST)
    throw new ProblemError(
      'unknown-function',
      `expected ${LATEST} as qualifier of ${account}/${name}, got ${qualifier}`,
    )
  return objectKey(account, name)
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
