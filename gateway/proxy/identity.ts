/** Request ids and trace context: taken from the caller when sane, else made. */
import { randomUUID } from 'node:crypto'
import { isTraceparent } from '../../lib/trace-context.ts'

const SANE_ID = /^[A-Za-z0-9._:@/+=-]{1,128}$/

export function requestIdFrom(incoming: string | undefined): string {
  return incoming !== undefined && SANE_ID.test(incoming) ? incoming : randomUUID()
}

/** W3C trace context, passed on as it came or made new and not sampled. `ownId`: a request id of ours, which then is the trace's too. */
export function traceparentFrom(incoming: string | undefined, ownId: string | undefined): string {
  if (isTraceparent(incoming)) return incoming
  const id = ownId ?? randomUUID()
  const half = id.slice(19, 23) + id.slice(24)
  return `00-${id.slice(0, 8)}${id.slice(9, 13)}${id.slice(14, 18)}${half}-${half}-00`
}
