/**
 * One request on a listener and its answer as it streams: the sink of a call. Both directions have back-pressure; a client that goes
 * away ends the call at once; an answer that breaks off never looks complete.
 */
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import type { Signature } from '../../api/function.ts'
import { HEADER } from '../../api/names.ts'
import { billable, billedMsOf } from '../../routing/billed.ts'
import type { Call } from '../../routing/call.ts'
import type { CallSink } from '../../routing/call-types.ts'
import { ProblemError } from '../../routing/problems.ts'
import type { ReplayBody } from '../../routing/replay-body.ts'
import { outcomeOf, type FunctionTally } from '../metrics/function-tally.ts'
import type { CallerDialect } from './caller-dialect.ts'
import { noteColdStart } from './cold-start.ts'
import { addCors, answerHeaders, answerTrailers } from './outgoing-headers.ts'
import { lingerOnClose, sendProblem } from './problem-answer.ts'
import { errorText } from '../../lib/error-text.ts'

export interface ExchangeContext {
  request: IncomingMessage
  response: ServerResponse
  requestId: string
  /** Came from inside the cluster. */
  trusted: boolean
  tally: FunctionTally
  /** True while the gateway drains: connections end with their answer. */
  draining: () => boolean
  /** Headers every answer of this route carries (CORS): name, value, … */
  extraHeaders: readonly string[]
  dialect?: CallerDialect | undefined
  /** The function's, for the dialect. */
  signature?: Signature
}

export class Exchange implements CallSink {
  readonly context: ExchangeContext
  body: ReplayBody | undefined = undefined
  #call: Call | undefined = undefined
  #ended = false
  #status = 0
  #reportedMs: number | undefined = undefined
  #flushed = false
  /** To an HTTP/1.0 client whose answer has no length, an ordinary end of the connection says that it is whole. */
  #endsWithConnection = false
  #held: Buffer | undefined = undefined

  constructor(context: ExchangeContext) {
    this.context = context
    context.response.on('close', () => this.#onClose())
    context.response.on('error', ignore)
  }

  begin(call: Call): void {
    this.#call = call
    call.start()
  }

  /**
   * Early hints are for clients known to read them (RFC 8297 §3), and that are behind with nothing: browsers. Python's http.client takes
   * them for the answer, and each answer after them for that to its next request.
   */
  onInterim(status: number, { link }: IncomingHttpHeaders): void {
    const { request, response } = this.context
    if (status !== 103 || link === undefined || request.httpVersion === '1.0') return
    if (request.headers['sec-fetch-mode'] === undefined) return
    if (response.writableLength > HOLD_BYTES) return
    try {
      response.writeEarlyHints({ link })
    } catch {
      // Node refuses links that it cannot read; hints may be lost.
    }
  }

  onStart(status: number, from: IncomingHttpHeaders): void {
    const { request, response, requestId, trusted, extraHeaders, dialect } = this.context
    this.#status = status
    this.#reportedMs = billedMsOf(from[HEADER.report])
    const coding = from['transfer-encoding']
    if (coding !== undefined && !CODINGS.test(String(coding)))
      return this.#unusable(`expected a body that is chunked and nothing else, got ${String(coding)}`)
    const told = dialect === undefined ? from : dialect.headers(from)
    const own = answerHeaders(sendable(request, status, told), trusted)
    this.#endsWithConnection = request.httpVersion === '1.0' && from['content-length'] === undefined
    const headers = extraHeaders.length === 0 ? own : addCors(own, extraHeaders)
    headers.push(HEADER.requestId, requestId)
    if (this.#call !== undefined) noteColdStart(this.#call, this.context.tally, headers)
    if (this.#mustClose()) headers.push('connection', 'close')
    try {
      response.writeHead(dialect === undefined ? status : dialect.status(status, from), headers)
    } catch (error) {
      return this.#unusable(errorText(error))
    }
    process.nextTick(flush, this)
  }

  onData(chunk: Buffer): boolean {
    if (!this.#flushed && this.#held === undefined && chunk.length <= HOLD_BYTES) {
      this.#held = chunk
      return true
    }
    this.flush()
    const { response } = this.context
    if (response.write(chunk)) return true
    response.once('drain', () => this.#call?.resume())
    return false
  }

  onEnd(trailers: IncomingHttpHeaders): void {
    const { response, trusted } = this.context
    if (hasAny(trailers)) {
      response.addTrailers(answerTrailers(trailers, trusted))
      this.#reportedMs ??= billedMsOf(trailers[HEADER.report])
    }
    this.#flushed = true
    if (this.#held === undefined) response.end()
    else response.end(this.#held.toString('latin1'), 'latin1')
    if (response.writableLength > SLOW_READER_BYTES) this.#limitReader()
    this.#count(outcomeOf(this.#status))
    this.body?.discard()
  }

  onBroken(): void {
    this.#count('broken')
    this.breakOff()
  }

  onProblem(problem: ProblemError): void {
    const { response, requestId, tally, extraHeaders } = this.context
    tally.problem(problem.code)
    this.#count(outcomeOf(problem.status))
    if (response.headersSent) return this.breakOff()
    sendProblem(response, { problem, requestId, extra: extraHeaders, close: this.#mustClose() })
    this.body?.discard()
  }

  /** The client may have the answer but nothing more of this request will be read. */
  reject(problem: ProblemError): void {
    this.#call?.abort(problem)
    this.onProblem(problem)
  }

  /** Nothing more of the answer is wanted. */
  protected stop(): void {
    this.#call?.abort(new Error('the answer is not wanted any more'))
  }

  /** The connection is no longer HTTP: its end is not this request's. */
  protected upgraded(): void {
    this.#count('upgraded')
  }

  /**
   * Sends what is held back. Head and first chunk wait for the end of the turn: a small answer is mostly complete by then and goes out
   * as one string in one write, half the cost of a head and a buffer; clients of streams must not wait longer.
   */
  flush(): void {
    const { response } = this.context
    if (this.#flushed || response.destroyed) return
    this.#flushed = true
    if (this.#held === undefined) response.flushHeaders()
    else response.write(this.#held)
    this.#held = undefined
  }

  /** The function is done but its client does not read: not for longer than the function may run. */
  #limitReader(): void {
    const { response } = this.context
    const cut = setTimeout(() => this.breakOff(), this.#call?.lane.fn.timeoutMs ?? 0)
    response.once('close', () => clearTimeout(cut))
  }

  /** An answer that is not whole must not look so. */
  protected breakOff(): void {
    const { response } = this.context
    if (this.#endsWithConnection) response.socket?.resetAndDestroy()
    response.destroy()
  }

  #onClose(): void {
    if (this.#ended) return
    this.#count('aborted')
    this.#call?.abort(new Error('the client closed the connection'))
  }

  #mustClose(): boolean {
    const { request, draining } = this.context
    if (!request.complete && (this.body !== undefined || hasBody(request))) {
      lingerOnClose(request)
      return true
    }
    return draining()
  }

  /** Headers that node refuses to write, e.g. characters outside Latin-1, or that say what nobody here undoes. */
  #unusable(detail: string): void {
    const problem = new ProblemError('bad-answer', `the function's headers cannot be passed on: ${detail}`)
    this.#call?.abort(problem)
    this.onProblem(problem)
  }

  #count(outcome: string): void {
    if (this.#ended) return
    this.#ended = true
    const call = this.#call
    if (call === undefined) return this.context.tally.request(outcome, 0)
    const nowMs = performance.now()
    this.context.tally.request(outcome, nowMs - call.startedMs)
    if (call.sentMs === 0) return
    this.context.tally.billed(billable(nowMs - call.sentMs, this.#reportedMs), call.lane.fn.memoryMb)
  }
}

/** Without what this answer may not say, whatever its pod does: a 204 has no length (RFC 9110 §8.6), Java's HttpClient refuses one with. */
function sendable(request: IncomingMessage, status: number, from: IncomingHttpHeaders): IncomingHttpHeaders {
  const kept = mayHaveTrailers(request, status, from) ? from : { ...from, trailer: undefined }
  return status === 204 ? { ...kept, 'content-length': undefined } : kept
}

/** Node refuses to announce what it could not send: trailers come with chunks only. They may be dropped (RFC 9110 §6.5.1). */
function mayHaveTrailers({ method, httpVersion }: IncomingMessage, status: number, from: IncomingHttpHeaders): boolean {
  const isChunked = httpVersion !== '1.0' && from['content-length'] === undefined
  return from.trailer === undefined || (isChunked && method !== 'HEAD' && status !== 204 && status !== 304)
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
}

function flush(exchange: Exchange): void {
  exchange.flush()
}

/** What undici takes away again; `identity` is what some call none at all. */
const CODINGS = /^(chunked(, ?chunked)*|identity)$/i
/** First chunks up to this are held back until the turn ends. */
const HOLD_BYTES = 16 * 1024
/** More than this left to send means that the client is not taking it. */
const SLOW_READER_BYTES = 64 * 1024

/** A response whose socket breaks emits errors we hear of through `close`. */
const ignore = (): void => undefined

function hasAny(record: object): boolean {
  for (const _name in record) return true
  return false
}
