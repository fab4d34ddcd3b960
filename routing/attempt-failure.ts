/** What an attempt that ended in an error proves: nothing was sent, nothing was executed, or neither can be said. */
import type { IncomingHttpHeaders } from 'node:http'
import { HEADER, type RefusedReason } from '../api/names.ts'
import type { FeedFunction } from '../api/protocol.ts'
import type { CallRequest } from './call-types.ts'
import { ProblemError } from './problems.ts'
import type { PodSlots } from './slot-table.ts'

/** Connections that ended unacknowledged, per call; the request itself may be what ends them. */
export const MAX_UNACKNOWLEDGED = 3

export interface AttemptFailure {
  kind: 'not-sent' | 'not-executed' | 'failed'
  /** The answer when it is not tried again. */
  problem: ProblemError
}

export interface AttemptProgress {
  /** undici has begun to write the request. */
  written: boolean
  /** The pod said 102 or more. */
  acknowledged: boolean
  /** The pod says 102 before it executes anything. */
  acknowledges: boolean
}

/** Of an answer that proves that nothing was executed. 403: the pod was made ready with another data key. */
export function refusalOf(status: number, headers: IncomingHttpHeaders): RefusedReason | undefined {
  if (status !== 503 && status !== 403) return undefined
  const value = headers[HEADER.refused]
  return value === 'busy' || value === 'leaving' || value === 'not-specialized' ? value : undefined
}

/** The pod ends with this answer: it takes nothing more, and may be gone before the next request reaches it. */
export function isLastAnswer(status: number, headers: IncomingHttpHeaders): boolean {
  return status === 500 && headers[HEADER.leaving] !== undefined
}

/** Beside what undici's parser names; two lengths are found out by the body not having both, a status below 100 by an assertion. */
const NO_HTTP = new Set(['UND_ERR_HEADERS_OVERFLOW', 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH', 'ERR_ASSERTION'])

export function failureOf(error: Error, progress: AttemptProgress): AttemptFailure {
  const code = 'code' in error ? String(error.code) : ''
  if (code === 'UND_ERR_INVALID_ARG' || code === 'UND_ERR_NOT_SUPPORTED')
    return {
      kind: 'failed',
      problem: new ProblemError('bad-request', `the request cannot be passed on: ${error.message}`),
    }
  if (error.name === 'HTTPParserError' || (progress.written && NO_HTTP.has(code)))
    return {
      kind: 'failed',
      problem: new ProblemError('bad-answer', `the answer is not valid HTTP: ${faultOf(error, code)}`),
    }
  if (!progress.written)
    return { kind: 'not-sent', problem: new ProblemError('pod-refused', `the pod cannot be reached: ${error.message}`) }
  const problem = new ProblemError('pod-died', `the connection to the pod ended before it answered: ${error.message}`)
  return { kind: progress.acknowledges && !progress.acknowledged ? 'not-executed' : 'failed', problem }
}

/** An assertion's message is a line of undici's. */
const faultOf = ({ message }: Error, code: string): string =>
  code === 'ERR_ASSERTION' ? 'its head makes no sense' : message

export function deadlineExceeded({ key, timeoutMs }: Pick<FeedFunction, 'key' | 'timeoutMs'>): ProblemError {
  return new ProblemError('deadline-exceeded', `${key} did not finish within ${timeoutMs} ms`)
}

/**
 * At the deadline: the pod had the whole request and did not even accept it, so its process is frozen or its node is gone. A body that
 * streams may never have come: that is its client's fault.
 */
export function isStuck(
  pod: PodSlots | undefined,
  { body }: Pick<CallRequest, 'body'>,
  acknowledged: boolean,
): pod is PodSlots {
  const isWhole = body === null || Buffer.isBuffer(body)
  return pod?.endpoint.acknowledges === true && !acknowledged && isWhole
}
