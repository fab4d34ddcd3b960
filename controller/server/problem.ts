import type { ServerResponse } from 'node:http'

export interface ProblemBody {
  status: number
  /** Stable, kebab-case. */
  code: string
  /** One sentence: what was expected and what came. */
  message: string
}

/** application/problem+json; nothing is done when the answer has begun. */
export function sendProblem(
  response: ServerResponse,
  { status, code, message }: ProblemBody,
  headers: Record<string, string> = {},
): void {
  if (response.headersSent || response.destroyed) return
  const body = JSON.stringify({ type: 'about:blank', title: code, status, code, detail: message })
  response.writeHead(status, { 'content-type': 'application/problem+json', ...headers }).end(body)
}

export function sendJson(response: ServerResponse, status: number, value: unknown): void {
  if (response.headersSent || response.destroyed) return
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
}
