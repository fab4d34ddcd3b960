/** The `dormouse-*` headers of a data request: what callers tell us, and what user code must not see (all but those of event deliveries). */
import { subscribe } from 'node:diagnostics_channel'
import type { IncomingMessage, Server } from 'node:http'

const PREFIX = 'dormouse-'
/** Of events: the idempotency key and the number of the attempt are for user code. */
const SHOWN = new Set(['dormouse-delivery-id', 'dormouse-attempt'])

export interface RequestHead {
  key: string | undefined
  requestId: string | undefined
  deadlineMs: number | undefined
  traceparent: string | undefined
  wantsTail: boolean
  clientContext: string | undefined
  invokedArn: string | undefined
}

const taken = new WeakMap<IncomingMessage, RequestHead>()

/** Before anybody else is told of a request: what user code has for tracing reports its headers to third parties, and the key is not theirs. */
export function takeHeadsEarly(server: Server): void {
  subscribe('http.server.request.start', (message) => {
    const started = message as { request: IncomingMessage; server: Server }
    if (started.server === server) takeHead(started.request)
  })
}

/** What the platform says in the request's headers, which from then on do not have it. */
export function takeHead(request: IncomingMessage): RequestHead {
  const known = taken.get(request)
  if (known !== undefined) return known
  const head = readHead(request.headers)
  hideHead(request)
  taken.set(request, head)
  return head
}

function readHead(headers: IncomingMessage['headers']): RequestHead {
  const deadlineMs = Number(headers['dormouse-deadline-ms'])
  return {
    key: one(headers['dormouse-key']),
    requestId: one(headers['dormouse-request-id']),
    deadlineMs: deadlineMs > 0 && deadlineMs < Infinity ? deadlineMs : undefined,
    traceparent: one(headers['traceparent']),
    wantsTail: headers['dormouse-log-type'] === 'Tail',
    clientContext: one(headers['dormouse-client-context']),
    invokedArn: one(headers['dormouse-invoked-arn']),
  }
}

function one(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value
}

/** Removes the `dormouse-*` headers from all views of the request's headers. */
function hideHead(request: IncomingMessage): void {
  const shown: string[] = []
  const raw = request.rawHeaders
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] ?? ''
    if (!isOurs(name)) shown.push(name, raw[i + 1] ?? '')
  }
  request.rawHeaders = shown
  const headers: IncomingMessage['headers'] = {}
  for (const name in request.headers) if (!isOurs(name)) headers[name] = request.headers[name]
  request.headers = headers
  // Node's own getter counts on the original length of rawHeaders. Lazily, as hardly anybody looks.
  Object.defineProperty(request, 'headersDistinct', { configurable: true, get: () => distinct(shown) })
}

function distinct(raw: string[]): NodeJS.Dict<string[]> {
  const found: NodeJS.Dict<string[]> = {}
  for (let i = 0; i + 1 < raw.length; i += 2) (found[(raw[i] ?? '').toLowerCase()] ??= []).push(raw[i + 1] ?? '')
  return found
}

function isOurs(name: string): boolean {
  if (name.length < PREFIX.length || name.slice(0, PREFIX.length).toLowerCase() !== PREFIX) return false
  return !SHOWN.has(name.toLowerCase())
}
