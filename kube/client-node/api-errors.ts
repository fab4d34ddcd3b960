/** The API server's refusals, and what keeps us from it, as ClusterError. The only file that looks at status codes and at errors of the connection. */
import { z } from 'zod'
import { isRecord } from '../../api/record.ts'
import { ClusterError, type ClusterErrorCode } from '../errors.ts'
import { errorText } from '../../lib/error-text.ts'

const CODES: Record<number, ClusterErrorCode> = {
  400: 'Invalid',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  405: 'Invalid',
  409: 'Conflict',
  413: 'Invalid',
  415: 'Invalid',
  422: 'Invalid',
}

/** An answer that is no success. `status`: its code; on a watch the one inside the event. */
export class ApiRefusal extends ClusterError {
  readonly status: number
  /** The API server's word for it: `Expired`, `AlreadyExists`. */
  readonly reason: string
  readonly causes: readonly StatusCause[]

  constructor(status: number, body: unknown, what: string) {
    const { reason, message, causes } = statusOf(body)
    super(codeOf(status, reason, causes), `${what}: ${message === '' ? `the API server answered ${status}` : message}`)
    this.status = status
    this.reason = reason
    this.causes = causes
  }
}

/** The version a watch was to go on from is no longer kept (or not yet known): list anew. */
export function isVersionGone(error: unknown): boolean {
  if (!(error instanceof ApiRefusal)) return false
  const isTooLarge = error.causes.some(({ reason }) => reason === 'ResourceVersionTooLarge')
  return error.status === 410 || error.reason === 'Expired' || isTooLarge
}

/** Nothing came for too long, over a connection that seemed to be alive. */
export function isSilence(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'UND_ERR_BODY_TIMEOUT'
}

/** An answer of the API server itself, as opposed to no answer. */
export function isRefusal(error: unknown): error is ApiRefusal {
  return error instanceof ApiRefusal
}

/** What undici, the network and plugins throw. */
export function unavailable(what: string, cause: unknown): ClusterError {
  if (cause instanceof ClusterError) return cause
  return new ClusterError('Unavailable', `${what}: ${describe(cause)}`, { cause })
}

function codeOf(status: number, reason: string, causes: readonly StatusCause[]): ClusterErrorCode {
  if (reason === 'AlreadyExists') return 'AlreadyExists'
  // A patch that names the uid of an object that is gone is refused as if it were to change it; to the port that is a precondition.
  if (status === 422 && causes.some(({ field }) => field === 'metadata.uid')) return 'Conflict'
  return CODES[status] ?? 'Unavailable'
}

const text = z.string().catch('')
const cause = z.object({ field: text, reason: text })
type StatusCause = z.infer<typeof cause>
const statusObject = z.object({
  reason: text,
  message: text,
  details: z.object({ causes: z.array(cause).catch([]) }).catch({ causes: [] }),
})

const LONGEST_TEXT = 300

/** What a proxy in between has sent, as part of a sentence that people read: pages without their markup. */
function plainText(body: string): string {
  const text = body.replace(/<(style|script)\b.*?<\/\1>/gis, ' ').replace(/<[^>]*>/g, ' ')
  return text.replace(/\s+/g, ' ').trim().slice(0, LONGEST_TEXT)
}

/** A `Status` object, or whatever a proxy in between has sent. */
function statusOf(body: unknown): { reason: string; message: string; causes: StatusCause[] } {
  if (!isRecord(body)) return { reason: '', message: typeof body === 'string' ? plainText(body) : '', causes: [] }
  const { reason, message, details } = statusObject.parse(body)
  return { reason, message, causes: details.causes }
}

/** Several addresses that all refuse come as one error without a message. */
function describe(cause: unknown): string {
  if (cause instanceof AggregateError && cause.message === '') return cause.errors.map(describe).join(', ')
  return errorText(cause)
}
