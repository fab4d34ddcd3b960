/**
 * What the internal listener takes for the event path: asynchronous invocations, records for topics, and questions about invocations.
 * Promises that nothing is accepted before the event log has it; knows nothing of who consumes it.
 */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { HEADER } from '../../api/names.ts'
import { EventLogError, type EventLog } from '../../events/event-log.ts'
import type { InvocationLedger } from '../../events/invocation-ledger.ts'
import { invocationInfo } from '../../events/payload.ts'
import type { Lane } from '../../routing/lane.ts'
import { ProblemError } from '../../routing/problems.ts'
import { LAMBDA_REQUEST_ID } from '../lambda-api/function-name.ts'
import { noRoom, type BodyBudget } from '../proxy/body-budget.ts'
import { lingerOnClose, sendProblem } from '../proxy/problem-answer.ts'
import { collectBody } from '../proxy/request-body.ts'
import type { RequestHead } from '../proxy/request-head.ts'
import { invocationRecord, MAX_EVENT_BYTES, publishedRecord } from './records.ts'
import { errorText } from '../../lib/error-text.ts'

export interface EventsApiOptions {
  log: EventLog
  ledger: InvocationLedger
  /** For bodies, until they are stored. */
  budget: BodyBudget
  /** Of what was accepted or refused, for metrics: `accepted`, or the problem's code. */
  onOutcome?: (what: 'invocation' | 'record', outcome: string) => void
  /** Epoch milliseconds. */
  now?: () => number
}

export interface EventsExchange {
  request: IncomingMessage
  response: ServerResponse
  head: RequestHead
  requestId: string
  expectsContinue: boolean
  /** True while the gateway ends: its connections end with their answers. */
  draining: () => boolean
}

const PATH = /^\/(topics|invocations)\/([^/?]+)(\?.*)?$/

/** Whether a request target is one that only an event log can answer. */
export function isForEvents(target: string | undefined): boolean {
  return PATH.test(target ?? '')
}

export class EventsApi {
  readonly #options: EventsApiOptions

  constructor(options: EventsApiOptions) {
    this.#options = options
  }

  /** False: it is nothing of ours. */
  handle(exchange: EventsExchange): boolean {
    const match = PATH.exec(exchange.request.url ?? '')
    if (match === null) return false
    const [, what, name = '', query = ''] = match
    if (what === 'topics') this.#publish(exchange, decoded(name), new URLSearchParams(query))
    else this.#answer(exchange, 'GET', () => this.#invocation(exchange, decoded(name)))
    return true
  }

  /** 202 once it is stored. `path`: as the function sees it. */
  invoke(exchange: EventsExchange, lane: Lane, path: string): void {
    const { head, request } = exchange
    const { method = 'POST' } = request
    this.#withBody(exchange, 'invocation', async (body) => {
      const id = randomUUID()
      const { key, signature } = lane.fn
      const { record, state } = invocationRecord({ id, key, signature, method, path, body, head, nowMs: this.#now() })
      // In one turn: the log makes one write of both.
      await Promise.all([this.#options.log.send([record]), this.#options.ledger.put(state)])
      return { status: 202, json: { invocationId: id }, requestId: id }
    })
  }

  #publish(exchange: EventsExchange, topic: string, query: URLSearchParams): void {
    this.#answer(exchange, 'POST', () =>
      this.#withBody(exchange, 'record', async (body) => {
        const record = publishedRecord({ topic, query, body, rawHeaders: exchange.request.rawHeaders })
        const [position] = await this.#options.log.send([record])
        return { status: 200, json: position, requestId: exchange.requestId }
      }),
    )
  }

  async #invocation(exchange: EventsExchange, id: string): Promise<void> {
    const state = await this.#options.ledger.get(id)
    if (state === undefined)
      throw new ProblemError('unknown-invocation', `there is no invocation ${id}, or it ended too long ago`)
    sendJson(exchange, { status: 200, json: invocationInfo(state), requestId: exchange.requestId })
  }

  #answer(exchange: EventsExchange, method: string, run: () => Promise<void> | void): void {
    const { request } = exchange
    if (request.method === method) {
      void Promise.resolve()
        .then(run)
        .catch((error: unknown) => this.#problem(exchange, problemOf(error)))
      return
    }
    const problem = new ProblemError('method-not-allowed', `expected ${method}, got ${request.method ?? ''}`)
    this.#problem(exchange, problem, ['allow', method])
  }

  #withBody(exchange: EventsExchange, what: 'invocation' | 'record', store: (body: Buffer) => Promise<Stored>): void {
    const { request, response, head, expectsContinue } = exchange
    const { onOutcome } = this.#options
    const onDone = (body: Buffer) => {
      const answer = async () => {
        sendJson(exchange, await store(body))
        onOutcome?.(what, 'accepted')
      }
      void answer().catch((error: unknown) => {
        const problem = problemOf(error)
        onOutcome?.(what, problem.code)
        this.#problem(exchange, problem)
      })
    }
    const onTooLarge = (problem: ProblemError) => {
      onOutcome?.(what, problem.code)
      this.#problem(exchange, problem)
    }
    if (head.contentLength !== undefined && head.contentLength > MAX_EVENT_BYTES)
      return onTooLarge(new ProblemError('payload-too-large', `an event may have at most ${MAX_EVENT_BYTES} bytes`))
    if (!head.hasBody) return onDone(Buffer.alloc(0))
    if (!this.#options.budget.hasRoom(head.contentLength ?? 0)) return onTooLarge(noRoom())
    const hold = this.#options.budget.hold()
    response.once('close', () => hold.end())
    if (expectsContinue) response.writeContinue()
    collectBody(request, { limitBytes: MAX_EVENT_BYTES, onDone, onTooLarge, admits: (bytes) => hold.grow(bytes) })
  }

  #problem(
    { request, response, requestId, draining }: EventsExchange,
    problem: ProblemError,
    extra: readonly string[] = [],
  ): void {
    const isUnread = !request.complete
    if (isUnread) lingerOnClose(request)
    sendProblem(response, { problem, requestId, extra, close: isUnread || draining() })
  }

  #now(): number {
    return this.#options.now?.() ?? Date.now()
  }
}

interface Stored {
  status: number
  json: unknown
  requestId: string
}

/** Would it be taken? Nothing is stored. */
export function answerDryRun({ response, requestId, draining }: EventsExchange): void {
  if (draining()) response.shouldKeepAlive = false
  response.writeHead(204, [HEADER.requestId, requestId]).end()
}

function sendJson({ response, draining }: EventsExchange, { status, json, requestId }: Stored): void {
  if (draining()) response.shouldKeepAlive = false
  if (response.hasHeader(LAMBDA_REQUEST_ID)) response.setHeader(LAMBDA_REQUEST_ID, requestId)
  const body = JSON.stringify(json)
  const headers = ['content-type', 'application/json', 'content-length', String(Buffer.byteLength(body))]
  response.writeHead(status, [...headers, HEADER.requestId, requestId]).end(body)
}

/** The one table from the event log's errors to answers. */
function problemOf(error: unknown): ProblemError {
  if (error instanceof ProblemError) return error
  const message = errorText(error)
  if (!(error instanceof EventLogError)) return new ProblemError('internal', message)
  switch (error.code) {
    case 'too-large':
      return new ProblemError('payload-too-large', message)
    case 'invalid-record':
    case 'invalid-topic':
    case 'unknown-topic':
      return new ProblemError('bad-topic', message)
    case 'unavailable':
    case 'full':
    case 'not-assigned':
    case 'closed':
      return new ProblemError('events-unavailable', message)
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
