/** HTTP to functions as outsiders send it: every call on a connection that may be used again, with every detail of its answer. */
import { Agent, request } from 'undici'

export interface CallOptions {
  method?: 'GET' | 'POST' | 'PUT' | 'DELETE'
  headers?: Record<string, string>
  /** Sent as JSON; default `{}` with POST. */
  body?: unknown
  timeoutMs?: number
  agent?: Agent
}

export interface Answer {
  status: number
  headers: Record<string, string | string[] | undefined>
  text: string
  /** Until the last byte. */
  tookMs: number
}

const LIMIT_MS = 40_000
const SHARED = new Agent({ connections: 64, connect: { timeout: 5_000 } })

/** Throws when no answer comes. */
export async function call(url: string, options: CallOptions = {}): Promise<Answer> {
  const { method = 'POST', headers = {}, body = {}, timeoutMs = LIMIT_MS, agent = SHARED } = options
  const startedAt = performance.now()
  const answer = await request(url, {
    method,
    dispatcher: agent,
    signal: AbortSignal.timeout(timeoutMs),
    headers: { ...(method !== 'GET' && { 'content-type': 'application/json' }), ...headers },
    ...(method !== 'GET' && { body: JSON.stringify(body) }),
  })
  const text = await answer.body.text()
  return { status: answer.statusCode, headers: answer.headers, text, tookMs: performance.now() - startedAt }
}

/** A bed's end: connections that wait keep jest from ending. */
export const closeConnections = (): Promise<void> => SHARED.close()

export function json(answer: Answer): Record<string, unknown> {
  try {
    return JSON.parse(answer.text) as Record<string, unknown>
  } catch {
    throw new Error(`expected JSON, got ${answer.status} ${answer.text.slice(0, 200)}`)
  }
}
