/**
 * W3C trace context: what a `traceparent` may look like. Version ff is none, and version 00 has nothing behind its flags. Longer ones than any
 * version has are refused unread.
 */
const TRACEPARENT = /^(?!ff|00.{54})[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?$/
const LONGEST = 255

/** Printable, and no longer than what servers take beside other headers. */
const TRACESTATE = /^[\t\x20-\x7e]{1,4096}$/

export function isTracestate(text: string | undefined): text is string {
  return text !== undefined && TRACESTATE.test(text)
}

export function isTraceparent(text: string | undefined): text is string {
  return text !== undefined && text.length <= LONGEST && TRACEPARENT.test(text)
}

const XRAY_ROOT = /^1-([0-9a-f]{8})-([0-9a-f]{24})$/
const XRAY_PARENT = /^[0-9a-f]{16}$/

/** Of what AWS's programs say in `X-Amzn-Trace-Id` (`Root=1-…-…;Parent=…;Sampled=1`); undefined when it names no span. */
export function traceparentOfXray(header: string): string | undefined {
  const parts = header.split(';').map((part) => part.trim().split('=', 2))
  const fields = new Map(parts.map(([name = '', value = '']) => [name, value]))
  const [, epoch = '', unique = ''] = XRAY_ROOT.exec(fields.get('Root') ?? '') ?? []
  const parent = fields.get('Parent') ?? ''
  if (epoch === '' || !XRAY_PARENT.test(parent)) return undefined
  return `00-${epoch}${unique}-${parent}-${fields.get('Sampled') === '1' ? '01' : '00'}`
}
