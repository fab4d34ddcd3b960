/**
 * Reads a request's raw headers once: what is passed on, and what the gateway itself must know. No header object, no URL object.
 * Hop-by-hop headers, those that `Connection` names, and `dormouse-*` from outside end here (RFC 9110 §7.6.1).
 */
import { HEADER, HEADER_PREFIX } from '../../api/names.ts'

export interface RequestHead {
  /** Name, value, … to pass on; without Host, length, forwarding and tracing headers, which are added anew. */
  headers: string[]
  host: string
  /** How many Host headers there are. */
  hosts: number
  contentLength: number | undefined
  /** Content-Length above zero or chunked. */
  hasBody: boolean
  /** Of the body, beside `chunked`: nobody here undoes them. */
  codings: string | undefined
  expectsContinue: boolean
  upgrade: string | undefined
  requestId: string | undefined
  traceparent: string | undefined
  tracestate: string | undefined
  forwardedFor: string | undefined
  forwardedProto: string | undefined
  forwardedHost: string | undefined
  invocationType: string | undefined
  logType: string | undefined
  clientContext: string | undefined
}

type Handler = (head: RequestHead, value: string, name: string) => void
const drop: Handler = () => undefined

/** Headers that are not simply passed on. */
const SPECIAL = new Map<string, Handler>([
  ['connection', drop],
  ['keep-alive', drop],
  ['proxy-connection', drop],
  ['proxy-authorization', drop],
  ['te', drop],
  // undici cannot send request trailers, and an intermediary may drop them (RFC 9110 §6.5.1).
  ['trailer', drop],
  ['expect', (head, value) => void (head.expectsContinue = value.toLowerCase() === '100-continue')],
  ['upgrade', (head, value) => void (head.upgrade = value)],
  ['host', readHost],
  ['transfer-encoding', readCodings],
  ['content-length', readLength],
  ['x-request-id', readRequestId],
  ['traceparent', (head, value) => void (head.traceparent = value)],
  ['tracestate', (head, value) => void (head.tracestate = join(head.tracestate, value))],
  ['x-forwarded-for', (head, value) => void (head.forwardedFor = join(head.forwardedFor, value))],
  ['x-forwarded-proto', (head, value) => void (head.forwardedProto ??= value)],
  ['x-forwarded-host', (head, value) => void (head.forwardedHost ??= value)],
  [HEADER.invocationType, (head, value) => void (head.invocationType = value)],
  [HEADER.logType, (head, value) => void (head.logType = value)],
  [HEADER.clientContext, (head, value) => void (head.clientContext = value)],
])

export function readHead(raw: readonly string[]): RequestHead {
  const head: RequestHead = {
    headers: [],
    host: '',
    hosts: 0,
    contentLength: undefined,
    hasBody: false,
    codings: undefined,
    expectsContinue: false,
    upgrade: undefined,
    requestId: undefined,
    traceparent: undefined,
    tracestate: undefined,
    forwardedFor: undefined,
    forwardedProto: undefined,
    forwardedHost: undefined,
    invocationType: undefined,
    logType: undefined,
    clientContext: undefined,
  }
  const named = namedByConnection(raw)
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] as string
    const value = raw[i + 1] as string
    const lower = name.toLowerCase()
    const special = SPECIAL.get(lower)
    if (named?.has(lower) === true && !STRUCTURAL.has(lower)) continue
    if (special !== undefined) special(head, value, name)
    else if (!lower.startsWith(HEADER_PREFIX)) head.headers.push(name, value)
  }
  return head
}

/** Naming these in `Connection` must not hide them from us. */
const STRUCTURAL = new Set(['host', 'content-length', 'transfer-encoding', 'expect', 'upgrade'])
const HARMLESS = new Set(['', 'close', 'keep-alive'])

/** Names listed in `Connection`; undefined when there are none, which is the rule. */
function namedByConnection(raw: readonly string[]): Set<string> | undefined {
  let named: Set<string> | undefined
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] as string
    const value = raw[i + 1] as string
    if (name.length !== 10 || HARMLESS.has(value) || name.toLowerCase() !== 'connection') continue
    for (const token of value.toLowerCase().split(',')) {
      const trimmed = token.trim()
      if (!HARMLESS.has(trimmed)) (named ??= new Set()).add(trimmed)
    }
  }
  return named
}

function readHost(head: RequestHead, value: string): void {
  head.hosts++
  head.host = value
}

function readCodings(head: RequestHead, value: string): void {
  head.hasBody = true
  if (value.trim().toLowerCase() !== 'chunked') head.codings = join(head.codings, value)
}

/** Passed on as it came, too: what a function logs of it must be found in what its caller logged. */
function readRequestId(head: RequestHead, value: string, name: string): void {
  head.requestId = value
  head.headers.push(name, value)
}

function readLength(head: RequestHead, value: string): void {
  head.contentLength = Number(value)
  if (head.contentLength > 0) head.hasBody = true
}

function join(before: string | undefined, value: string): string {
  return before === undefined ? value : `${before}, ${value}`
}
