/** Who is told how an asynchronous invocation ended, and the record that tells it (AWS Lambda, "Destinations"). Pure. */
import { hash } from 'node:crypto'
import type { FeedAsync, FeedDestination } from '../../api/protocol.ts'
import type { RecordEnd } from '../../events/consumption/engine.ts'
import { printable } from '../../events/payload.ts'
import { isJsonSyntax } from '../../lib/json-syntax.ts'
import { isLoop } from '../deliver/hops.ts'

export type FinalEnd = Exclude<RecordEnd, { kind: 'retry' }>

/** Undefined: nobody. The end of what was stopped as a loop is told to nobody: that would be its next round. */
export function destinationOf(policy: FeedAsync | undefined, end: FinalEnd): FeedDestination | undefined {
  if (isLoop(end.record)) return undefined
  return end.kind === 'done' ? policy?.onSuccess : policy?.onFailure
}

/** Of the invocation that tells `function` about the end of another: the same when it is told again. */
export function followingId(deliveryId: string, kind: FinalEnd['kind']): string {
  const digest = hash('sha256', `${kind} ${deliveryId}`, 'hex')
  const variant = ((parseInt(digest.slice(16, 18), 16) & 0x3f) | 0x80).toString(16)
  const parts = [digest.slice(0, 8), digest.slice(8, 12), `8${digest.slice(13, 16)}`]
  return [...parts, `${variant}${digest.slice(18, 20)}`, digest.slice(20, 32)].join('-')
}

/** As JSON. Payloads stand in it as they came: read and written again they would lose digits, or be nested too deep for that. */
export function destinationRecord(end: FinalEnd, nowMs: number): string {
  const { meta, record, subscription, attempt } = end
  const [namespace = '', name = ''] = subscription.functionKey.split('/')
  const requestContext = {
    requestId: meta.deliveryId,
    functionArn: `arn:aws:lambda:local:${namespace}:function:${name}`,
    condition: conditionOf(end),
    approximateInvokeCount: attempt,
  }
  const { responseContext, responsePayload } = responseOf(end)
  return objectOf({
    version: '"1.0"',
    timestamp: JSON.stringify(new Date(nowMs).toISOString()),
    requestContext: JSON.stringify(requestContext),
    requestPayload: payloadOf(record.value),
    responseContext: JSON.stringify(responseContext),
    responsePayload,
  })
}

/** Of members that are JSON. */
function objectOf(members: Record<string, string>): string {
  return `{${Object.entries(members)
    .map(([name, json]) => `"${name}":${json}`)
    .join(',')}}`
}

function conditionOf(end: FinalEnd): string {
  if (end.kind === 'done') return 'Success'
  return end.failure.class === 'expired' ? 'EventAgeExceeded' : 'RetriesExhausted'
}

/** A record has room for it beside the largest payload of an invocation. */
const LARGEST_ERROR_BYTES = 16 * 1024

/** The payload as JSON. */
function responseOf(end: FinalEnd): { responseContext: object; responsePayload: string } {
  if (end.kind === 'done') {
    const { status = 200, body = null } = end.outcome
    return { responseContext: { statusCode: status, executedVersion: '$LATEST' }, responsePayload: payloadOf(body) }
  }
  const { status, class: errorClass, message } = end.failure
  const functionError = errorClass === 'handled' ? 'Handled' : 'Unhandled'
  const responseContext = { statusCode: status ?? 500, executedVersion: '$LATEST', functionError }
  const { error } = end
  const isWhole = error !== undefined && error.length <= LARGEST_ERROR_BYTES && isJsonSyntax(error)
  const responsePayload = isWhole
    ? error.toString('utf8')
    : JSON.stringify({ errorMessage: message, errorType: errorClass })
  return { responseContext, responsePayload }
}

function payloadOf(bytes: Buffer | null): string {
  if (bytes === null || bytes.length === 0) return 'null'
  if (isJsonSyntax(bytes)) return bytes.toString('utf8')
  return JSON.stringify(printable(bytes) ?? bytes.toString('base64'))
}
