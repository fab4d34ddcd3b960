/** Writes the platform's own answers; never HTML, never a stack. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { HEADER } from '../../api/names.ts'
import { problemBody, type ProblemError } from '../../routing/problems.ts'

export interface ProblemAnswer {
  problem: ProblemError
  requestId: string
  /** More headers: name, value, … */
  extra?: readonly string[]
  /** End the connection after it. */
  close?: boolean
}

export interface ProblemText {
  status: number
  /** Name, value, …; with the content type. */
  headers: readonly string[]
  body: string | Buffer
}

export type ProblemFormat = (problem: ProblemError, requestId: string) => ProblemText

const formats = new WeakMap<ServerResponse, ProblemFormat>()

/** For callers that know another form than ours. */
export function formatProblems(response: ServerResponse, format: ProblemFormat): void {
  formats.set(response, format)
}

const asProblemJson: ProblemFormat = (problem, requestId) => ({
  status: problem.status,
  headers: ['content-type', 'application/problem+json'],
  body: problemBody(problem, requestId),
})

export function sendProblem(response: ServerResponse, { problem, requestId, extra = [], close }: ProblemAnswer): void {
  if (response.headersSent || response.destroyed) return
  const format = formats.get(response) ?? asProblemJson
  const { status, headers: own, body } = format(problem, requestId)
  const headers = [...own, 'content-length', String(Buffer.byteLength(body)), HEADER.requestId, requestId, ...extra]
  if (problem.retryAfterSeconds !== undefined) headers.push('retry-after', String(problem.retryAfterSeconds))
  if (close === true) headers.push('connection', 'close')
  response.writeHead(status, headers)
  response.end(body)
}

/** The same for a connection on which no request could be parsed. */
export function rawProblem(problem: ProblemError, requestId: string, allow?: string): string {
  const body = problemBody(problem, requestId)
  const retry = problem.retryAfterSeconds === undefined ? '' : `retry-after: ${problem.retryAfterSeconds}\r\n`
  const allowed = allow === undefined ? '' : `allow: ${allow}\r\n`
  return (
    `HTTP/1.1 ${problem.status} ${PHRASES[problem.status] ?? 'Error'}\r\ncontent-type: application/problem+json\r\n` +
    `content-length: ${Buffer.byteLength(body)}\r\n${HEADER.requestId}: ${requestId}\r\n${retry}${allowed}connection: close\r\n\r\n${body}`
  )
}

const PHRASES: Record<number, string> = {
  400: 'Bad Request',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  414: 'URI Too Long',
  431: 'Request Header Fields Too Large',
}

/** How long a client that has its answer may say nothing, or more that is no HTTP. */
const LINGER_MS = 2_000

/** How long it may go on sending its body; as nginx's `lingering_time`. */
const LINGER_SENDING_MS = 30_000

/**
 * For an answer given before the upload ended: closing at once would reset the connection and could destroy the answer before the
 * client has read it; most read nothing before they have sent all. So our side is ended, what still comes is thrown away, and the
 * connection is cut when nothing comes any more, or far too much.
 */
export function lingerOnClose(request: IncomingMessage): void {
  const socket: Socket = request.socket
  socket.destroySoon = () => endThenWatch(socket)
  request.resume()
}

function endThenWatch(socket: Socket): void {
  socket.end()
  const untilMs = performance.now() + LINGER_SENDING_MS
  let { bytesRead } = socket
  const look = setInterval(() => {
    if (socket.bytesRead === bytesRead || performance.now() > untilMs) socket.destroy()
    bytesRead = socket.bytesRead
  }, LINGER_MS)
  socket.once('close', () => clearInterval(look))
}

/** For a connection whose parser gave up: it must not see what still comes. */
export function answerAndLinger(socket: Duplex, answer: string | Buffer): void {
  throwAwayInput(socket)
  socket.write(answer)
  endThenCut(socket)
}

export function throwAwayInput(socket: Duplex): void {
  // Node's parser lets go of the connection when somebody else listens.
  socket.on('data', () => undefined)
  for (const listener of socket.listeners('data').slice(0, -1)) socket.off('data', listener as () => void)
  socket.resume()
}

/** For a connection that somebody reads, if only to throw it away: else its other end's end is never heard of. */
export function endThenCut(socket: Duplex): void {
  socket.end()
  const cut = setTimeout(() => socket.destroy(), LINGER_MS)
  socket.once('close', () => clearTimeout(cut))
}
