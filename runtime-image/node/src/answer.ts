/** Answers the runtime itself gives on both ports. */
import type { ServerResponse } from 'node:http'
import type { ErrorObject } from './error-object.ts'

export type RefusedReason = 'busy' | 'leaving' | 'not-specialized'
export type ErrorKind = 'handled' | 'unhandled' | 'timeout'
export type Headers = Record<string, string>

export function answerJson(response: ServerResponse, status: number, value: unknown, headers: Headers = {}): void {
  answerText(response, status, JSON.stringify(value), { 'content-type': 'application/json', ...headers })
}

/** Node sends head and body in one write when the body is a string: half the system calls of a Buffer. */
export function answerText(response: ServerResponse, status: number, body: string, headers: Headers): void {
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) })
  response.end(body, 'utf8')
}

/** Once the head is out only cutting the connection tells the caller that the answer is not whole. */
export function answerFailure(
  response: ServerResponse,
  failure: { kind: ErrorKind; error: ErrorObject },
  headers: Headers = {},
): void {
  if (response.headersSent) {
    response.destroy()
    return
  }
  for (const name of response.getHeaderNames()) response.removeHeader(name)
  answerJson(response, 500, failure.error, { ...headers, 'dormouse-error': failure.kind })
}

const PROBLEM: Record<RefusedReason, string> = {
  busy: 'the pod already runs as many requests as it may',
  leaving: 'the pod takes no new requests',
  'not-specialized': 'the pod has no function',
}

/** Nothing was executed: the caller may send the request elsewhere. */
export function refuse(response: ServerResponse, reason: RefusedReason): void {
  if (reason === 'leaving') response.shouldKeepAlive = false
  problem(response, 503, { code: reason, detail: PROBLEM[reason] }, { 'dormouse-refused': reason })
}

export function problem(
  response: ServerResponse,
  status: number,
  problem: { code: string; detail: string },
  headers: Headers = {},
): void {
  const body = JSON.stringify({ type: 'about:blank', status, ...problem })
  answerText(response, status, body, { 'content-type': 'application/problem+json', ...headers })
}
