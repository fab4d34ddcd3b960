/** Requests node's parser refuses before there is a request: answered with a problem on the bare connection, then closed. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { ProblemError, type ProblemCode } from '../../routing/problems.ts'
import { requestIdFrom } from './identity.ts'
import { answerAndLinger, rawProblem, throwAwayInput } from './problem-answer.ts'

interface ParserError extends NodeJS.ErrnoException {
  rawPacket?: Buffer
}

/** The problem's code, or undefined when nobody is there to read an answer. */
export function answerClientError(error: ParserError, socket: Duplex, maxUrlBytes: number): ProblemCode | undefined {
  if (error.code === 'ECONNRESET' || error.code === 'EPIPE' || !socket.writable) {
    socket.destroy()
    return undefined
  }
  const problem = problemOfParser(error, maxUrlBytes)
  const isHttp2 = error.code === 'HPE_PAUSED_H2_UPGRADE'
  const answer = isHttp2 ? HTTP_1_1_REQUIRED : rawProblem(problem, requestIdFrom(undefined))
  answerInTurn(socket, answer)
  return problem.code
}

/** Requests that came whole before what cannot be read are answered first. */
function answerInTurn(socket: Duplex, answer: string | Buffer): void {
  const message = answerInProgress(socket)
  if (message?.req.complete === true) {
    throwAwayInput(socket)
    message.once('close', () => {
      if (socket.writable) answerInTurn(socket, answer)
      else socket.destroy()
    })
    return
  }
  // It is the body of this request that broke; what follows an answer that has begun would be read as part of it.
  if (message?.headersSent === true) socket.destroy()
  else answerAndLinger(socket, answer)
}

/** A client takes this listener for a proxy. What it would get behind a request that has no answer yet, it would take for that. */
export function answerConnect({ headers, url }: IncomingMessage, socket: Duplex): ProblemCode {
  socket.on('error', () => socket.destroy())
  const problem = new ProblemError('method-not-allowed', `expected a request for a function, got CONNECT ${url ?? ''}`)
  const requestId = requestIdFrom(String(headers['x-request-id'] ?? '') || undefined)
  if (isAnswering(socket)) socket.destroy()
  else answerAndLinger(socket, rawProblem(problem, requestId, 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS'))
  return problem.code
}

/** To clients that begin with HTTP/2 and read nothing else: an empty SETTINGS frame and GOAWAY with error 13 (RFC 9113 §7). */
const HTTP_1_1_REQUIRED = Buffer.from('000000040000000000' + '000008070000000000' + '000000000000000d', 'hex')

/** Node keeps the answer in progress on the socket, also one that has not begun; its documentation recommends this check. */
function answerInProgress(socket: Duplex): ServerResponse | undefined {
  return (socket as { _httpMessage?: ServerResponse | null })._httpMessage ?? undefined
}

/**
 * A request that was sent behind another before that was answered cannot have the connection for itself: it is answered in its turn, like
 * any other.
 */
export function isAnswering(socket: Duplex): boolean {
  return answerInProgress(socket) !== undefined
}

function problemOfParser(error: ParserError, maxUrlBytes: number): ProblemError {
  switch (error.code) {
    case 'HPE_HEADER_OVERFLOW':
      return longTarget(error.rawPacket, maxUrlBytes)
        ? new ProblemError('uri-too-long', `the request target may have at most ${maxUrlBytes} bytes`)
        : new ProblemError('headers-too-large', 'the request headers are larger than allowed')
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new ProblemError('request-timeout', 'the request did not arrive completely in time')
    case 'HPE_PAUSED_H2_UPGRADE':
      return new ProblemError('bad-request', 'expected HTTP/1.1, got HTTP/2, which this listener does not speak')
    default:
      return new ProblemError('bad-request', `expected an HTTP/1.1 request, got ${error.message}`)
  }
}

/** Node counts the target as part of the headers; the first packet tells which of the two was too long. */
function longTarget(packet: Buffer | undefined, maxUrlBytes: number): boolean {
  if (packet === undefined) return false
  const end = packet.indexOf('\n')
  return (end < 0 ? packet.length : end) > maxUrlBytes && packet.indexOf(' ') < 20
}
