/**
 * Everything a Cluster can refuse. One file of predicates, so that no caller looks at an adapter's own errors. `Unauthorized`: it does not know us.
 * `Unavailable`: nobody answers, or not now; whether a write has happened is not known.
 */
export type ClusterErrorCode =
  'NotFound' | 'AlreadyExists' | 'Conflict' | 'Invalid' | 'Unauthorized' | 'Forbidden' | 'Unavailable'

export class ClusterError extends Error {
  override readonly name = 'ClusterError'
  readonly code: ClusterErrorCode

  constructor(code: ClusterErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

const hasCode = (code: ClusterErrorCode) => (error: unknown) => error instanceof ClusterError && error.code === code

/** The object does not exist (any more). */
export const isNotFound = hasCode('NotFound')
/** An object of that name exists. */
export const isAlreadyExists = hasCode('AlreadyExists')
/** A precondition (resourceVersion, uid) did not hold: read again and decide again. */
export const isConflict = hasCode('Conflict')
/** The object breaks its schema; the message says which rule. */
export const isInvalid = hasCode('Invalid')
/** Not allowed to us, or by a policy of the cluster (quota, pod security, a namespace that is going); the message says which. */
export const isForbidden = hasCode('Forbidden')
/** Nothing can be created in that namespace any more: it is being deleted, or is gone. */
export function isNamespaceEnding(error: unknown): boolean {
  if (isForbidden(error)) return / because it is being terminated/.test((error as ClusterError).message)
  return isNotFound(error) && /namespaces "[^"]*" not found/.test((error as ClusterError).message)
}
/** The cluster cannot be reached, or cannot answer now. */
export const isUnavailable = hasCode('Unavailable')
