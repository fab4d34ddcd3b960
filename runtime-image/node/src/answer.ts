/** Answers the runtime itself gives on both ports. */
import type { ServerResponse } from 'node:http'
import type { ErrorObject } from './error-object.ts'

export type RefusedReason = 'busy' | 'leaving' | 'not-specialized'
export type ErrorKind = 'handled' | 'unhandled' | 'timeout'
export type Headers = Record<string, string>

export function answerJson(response: ServerResponse, status: number, value: unknown): void {
  answerText(response, { status, headers: { 'content-type': 'application/json' } }, JSON.stringify(value))
}

/** Node sends head and body in one write when the body is a string: half the system calls of a Buffer. */
export function answerText(response: ServerResponse, head: { status: number; headers: Headers }, body: string): void {
  response.writeHead(head.status, { ...head.headers, 'content-length': Buffer.byteLength(body) })
  response.end(body, 'utf8')
}

/** Once the head is out only cutting the connection tells the caller that the answer is not whole. */
export function answerFailure(
  response: ServerResponse,
  failure: { kind: ErrorKind; error: ErrorObject; isLast?: boolean },
  headers: Headers = {},
): void {
  if (response.headersSent) {
    response.destroy()
    return
  }
  for (const name of response.getHeaderNames()) response.removeHeader(name)
  // A phrase that user code left is not that of a 500, and may be one that Node refuses to send.
  response.statusMessage = ''
  const own = { 'content-type': 'application/json', 'dormouse-error': failure.kind }
  const last = failure.isLast === true ? { 'dormouse-leaving': 'true' } : {}
  answerText(response, { status: 500, headers: { ...own, ...last, ...headers } }, JSON.stringify(failure.error))
}

const PROBLEM: Record<RefusedReason, string> = {
  busy: 'the pod already runs as many requests as it may',
  leaving: 'the pod takes no new requests',
  'not-specialized': 'the pod has no function',
}

/** Nothing was executed: the caller may send the request elsewhere. */
export function refuse(response: ServerResponse, reason: RefusedReason): void {
  if (reason === 'leaving') response.shouldKeepAlive = false
  problem(response, { status: 503, code: reason, detail: PROBLEM[reason] }, { 'dormouse-refused': reason })
}

export function problem(
  response: ServerResponse,
  problem: { status: number; code: string; detail: string },
  headers: Headers = {},
): void {
  const head = { status: problem.status, headers: { 'content-type': 'application/problem+json', ...headers } }
  answerText(response, head, JSON.stringify({ type: 'about:blank', ...problem }))
}
