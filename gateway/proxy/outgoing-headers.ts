/** What the gateway adds to a request on its way to a pod, and takes from an answer on its way to the client. */
import type { IncomingHttpHeaders } from 'node:http'
import { HEADER, HEADER_PREFIX } from '../../api/names.ts'
import { isTraceparent } from '../../lib/trace-context.ts'
import { isCorsHeader } from '../routes/cors.ts'
import type { RequestHead } from './request-head.ts'
import { traceparentFrom } from './identity.ts'

export interface Origin {
  requestId: string
  /** The other end of the connection; see `clientAddress`. */
  peer: string
  /** Whether `dormouse-*` headers that steer an invocation may come from the caller. */
  trusted: boolean
}

/** Completes `head.headers` in place. */
export function addForwarding(head: RequestHead, origin: Origin): void {
  const { headers, forwardedFor, host } = head
  const { peer } = origin
  headers.push(
    'host',
    host,
    'x-forwarded-for',
    forwardedFor === undefined ? peer : `${forwardedFor}, ${peer}`,
    'x-forwarded-proto',
    head.forwardedProto ?? 'http',
    'x-forwarded-host',
    head.forwardedHost ?? host,
    'traceparent',
    traceparentFrom(head.traceparent, origin.requestId === head.requestId ? undefined : origin.requestId),
    HEADER.requestId,
    origin.requestId,
  )
  // It belongs to the trace that it came with, and to no other (W3C trace context §3.3).
  if (head.tracestate !== undefined && isTraceparent(head.traceparent)) headers.push('tracestate', head.tracestate)
  if (!origin.trusted) return
  if (head.logType !== undefined) headers.push(HEADER.logType, head.logType)
  if (head.clientContext !== undefined) headers.push(HEADER.clientContext, head.clientContext)
}

const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'transfer-encoding',
  'upgrade',
  'proxy-connection',
  'proxy-authenticate',
  'te',
])
const PUBLIC_ANSWER = new Set<string>([HEADER.error])
const INTERNAL_ANSWER = new Set<string>([HEADER.error, HEADER.report, HEADER.logResult])

/** A pod's answer headers as the flat list that `writeHead` takes. */
export function answerHeaders(from: IncomingHttpHeaders, trusted: boolean): string[] {
  const allowed = trusted ? INTERNAL_ANSWER : PUBLIC_ANSWER
  const { connection } = from
  const named = connection === undefined || connection === 'keep-alive' ? undefined : namedBy(connection)
  const headers: string[] = []
  for (const name in from) {
    const value = from[name]
    if (value === undefined || ends(name, named)) continue
    if (name.startsWith(HEADER_PREFIX) && !allowed.has(name)) continue
    if (typeof value === 'string') headers.push(name, value)
    else for (const one of value) headers.push(name, one)
  }
  return headers
}

/** A pod's trailers as `addTrailers` takes them: what is no answer's header is none of its trailers either. */
export function answerTrailers(from: IncomingHttpHeaders, trusted: boolean): [string, string][] {
  const flat = answerHeaders(from, trusted)
  const pairs: [string, string][] = []
  for (let i = 0; i + 1 < flat.length; i += 2) pairs.push([flat[i] as string, flat[i + 1] as string])
  return pairs
}

/** Whether a header is about the pod's connection only. */
function ends(name: string, named: readonly string[] | undefined): boolean {
  return HOP_BY_HOP.has(name) || named?.includes(name) === true
}

/** A function's answer under a route with CORS: the route decides, except that `vary` adds up. */
export function addCors(headers: readonly string[], cors: readonly string[]): string[] {
  if (cors.length === 0) return [...headers]
  const kept: string[] = []
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i] as string
    if (!isCorsHeader(name.toLowerCase())) kept.push(name, headers[i + 1] as string)
  }
  return [...kept, ...cors]
}

function namedBy(connection: string | string[]): string[] {
  const tokens = String(connection).toLowerCase().split(',')
  return tokens.map((token) => token.trim()).filter((token) => token !== 'content-length')
}
