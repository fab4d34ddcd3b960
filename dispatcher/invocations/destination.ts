/** Who is told how an asynchronous invocation ended, and the record that tells it (LAMBDA: destinations). Pure. */
import type { FeedAsync, FeedDestination } from '../../api/protocol.ts'
import type { RecordEnd } from '../../events/consumption/engine.ts'
import { isJson, printable } from '../../events/payload.ts'

/** On records that a destination sent to a function: how many stand before it. */
export const HOPS_HEADER = 'dormouse-hops'
/** A function that is its own destination would go on for ever. */
export const MAX_HOPS = 16

/** Undefined: nobody. */
export function destinationOf(policy: FeedAsync | undefined, end: RecordEnd): FeedDestination | undefined {
  if (end.kind === 'retry') return undefined
  return end.kind === 'done' ? policy?.onSuccess : policy?.onFailure
}

export function destinationRecord(end: Exclude<RecordEnd, { kind: 'retry' }>, nowMs: number): object {
  const { meta, record, subscription, attempt } = end
  const [namespace = '', name = ''] = subscription.functionKey.split('/')
  return {
    version: '1.0',
    timestamp: new Date(nowMs).toISOString(),
    requestContext: {
      requestId: meta.deliveryId,
      functionArn: `arn:aws:lambda:local:${namespace}:function:${name}`,
      condition: conditionOf(end),
      approximateInvokeCount: attempt,
    },
    requestPayload: payloadOf(record.value),
    ...responseOf(end),
  }
}

function conditionOf(end: Exclude<RecordEnd, { kind: 'retry' }>): string {
  if (end.kind === 'done') return 'Success'
  return end.failure.class === 'expired' ? 'EventAgeExceeded' : 'RetriesExhausted'
}

function responseOf(end: Exclude<RecordEnd, { kind: 'retry' }>): object {
  if (end.kind === 'done') {
    const { status = 200, body = null } = end.outcome
    return { responseContext: { statusCode: status, executedVersion: '$LATEST' }, responsePayload: payloadOf(body) }
  }
  const { status, class: errorClass, message } = end.failure
  const functionError = errorClass === 'handled' ? 'Handled' : 'Unhandled'
  const responseContext = { statusCode: status ?? 500, executedVersion: '$LATEST', functionError }
  return { responseContext, responsePayload: { errorMessage: message, errorType: errorClass } }
}

function payloadOf(bytes: Buffer | null): unknown {
  if (bytes === null || bytes.length === 0) return null
  if (isJson(bytes)) return JSON.parse(bytes.toString('utf8')) as unknown
  return printable(bytes) ?? bytes.toString('base64')
}
