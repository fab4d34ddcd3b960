/**
 * Lambda's Invoke actions on the internal listener, whole and streamed. A name is one alone, with a qualifier, or
 * in an ARN, whole or from its account on; the account's place is the namespace's, as in the ARN that functions are told (default: `default`).
 */
import { objectKey, type ObjectKey } from '../../api/names.ts'
import { ProblemError } from '../../routing/problems.ts'

/** On every answer; set beforehand, so that whoever answers knows of it. */
export const LAMBDA_REQUEST_ID = 'x-amzn-requestid'

/** Of the action whose answer is whole, and of the one whose answer is framed as it comes. */
export const PREFIX = { whole: '/2015-03-31/functions/', streamed: '/2021-11-15/functions/' } as const
const PATH =
  /^\/(?:2015-03-31\/functions\/([^/?]+)\/invocations|2021-11-15\/functions\/([^/?]+)\/response-streaming-invocations)\/?(?:\?(.*))?$/
const NAME = /^(?:(?:arn:[^:]+:lambda:[^:]*:)?([^:]+):function:)?([^:]+)(?::([^:]+))?$/
/** Only what is newest takes calls. */
export const LATEST = '$LATEST'

/** Throws ProblemError. */
export function invokedFunction(method: string, path: string): ObjectKey {
  const [, whole, streamed, query] = PATH.exec(path) ?? []
  const [, account = 'default', name, inName] = NAME.exec(decoded(whole ?? streamed ?? '')) ?? []
  if (name === undefined) {
    const expected = 'expected the action Invoke or InvokeWithResponseStream (functions are managed as manifests)'
    throw new ProblemError('unknown-route', `${expected}, got ${method} ${path}`)
  }
  if (method !== 'POST') throw new ProblemError('method-not-allowed', `expected POST, got ${method}`)
  const qualifiers = [inName, new URLSearchParams(query).get('Qualifier')]
  const other = qualifiers.find((qualifier) => qualifier != null && qualifier !== LATEST)
  if (other != null)
    throw new ProblemError('unknown-function', `expected ${LATEST} as qualifier of ${account}/${name}, got ${other}`)
  return objectKey(account, name)
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
