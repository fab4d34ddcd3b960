/** Request ids and trace context: taken from the caller when sane, else made. */
import { randomUUID } from 'node:crypto'

const SANE_ID = /^[A-Za-z0-9._:@/+=-]{1,128}$/
const TRACEPARENT = /^[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?$/

export function requestIdFrom(incoming: string | undefined): string {
  return incoming !== undefined && SANE_ID.test(incoming) ? incoming : randomUUID()
}

/** W3C trace context, passed on as it came or made new and not sampled. */
export function traceparentFrom(incoming: string | undefined): string {
  if (incoming !== undefined && incoming.length < 256 && TRACEPARENT.test(incoming)) return incoming
  const a = randomUUID()
  const b = randomUUID()
  const trace = a.slice(0, 8) + a.slice(9, 13) + a.slice(14, 18) + a.slice(19, 23) + a.slice(24)
  return `00-${trace}-${b.slice(0, 8)}${b.slice(24, 32)}-00`
}
