/**
 * A request through an http Trigger to a function with signature `event`: buffered, given to the function as an API Gateway event
 * (payload format 2.0, or 1.0 where the Trigger says so), and its result turned into the HTTP answer. A function's own failure is a 500 with its error object.
 */
import { HEADER } from '../../api/names.ts'
import type { FeedRoute } from '../../api/protocol.ts'
import { billable, billedMsOf } from '../../routing/billed.ts'
import { invoke, type InvokeAnswer } from '../../routing/invoke.ts'
import { ProblemError } from '../../routing/problems.ts'
import type { Router } from '../../routing/router.ts'
import { fromResult, fromStream, type ApiGatewayAnswer } from '../api-gateway/answer.ts'
import { toApiGatewayEvent } from '../api-gateway/event.ts'
import { toApiGatewayEventV1 } from '../api-gateway/event-v1.ts'
import { outcomeOf } from '../metrics/function-tally.ts'
import type { Admitted } from './admitted.ts'
import { noRoom, type BodyBudget } from './body-budget.ts'
import { noteColdStart } from './cold-start.ts'
import type { ExchangeContext } from './exchange.ts'
import { addCors } from './outgoing-headers.ts'
import { lingerOnClose, sendProblem } from './problem-answer.ts'
import { collectBody } from './request-body.ts'
import { traceparentFrom } from './identity.ts'
import { errorText } from '../../lib/error-text.ts'

export class LambdaExchange {
  readonly #context: ExchangeContext
  readonly #admitted: Admitted
  readonly #route: FeedRoute
  readonly #gone = new AbortController()
  readonly #startedMs = performance.now()
  #ended = false

  constructor(context: ExchangeContext, admitted: Admitted, route: FeedRoute) {
    this.#context = context
    this.#admitted = admitted
    this.#route = route
    context.response.on('close', () => this.#onClose())
    context.response.on('error', () => undefined)
  }

  begin(router: Router, limits: { limitBytes: number; budget: BodyBudget }): void {
    const { request, response, head, expectsContinue } = this.#admitted
    const { limitBytes, budget } = limits
    const onDone = (body: Buffer) => void this.#run(router, body).catch((error: unknown) => this.#failed(error))
    if (!head.hasBody) return onDone(Buffer.alloc(0))
    const hold = budget.hold()
    response.once('close', () => hold.end())
    const onTooLarge = (problem: ProblemError) => {
      lingerOnClose(request)
      this.#problem(problem, true)
    }
    // Only looked at: who says that much will come and sends nothing must take nothing from others.
    if (!budget.hasRoom(head.contentLength ?? 0)) return onTooLarge(noRoom())
    if (expectsContinue) response.writeContinue()
    collectBody(request, { limitBytes, onDone, onTooLarge, admits: (bytes) => hold.grow(bytes) })
  }

  async #run(router: Router, body: Buffer): Promise<void> {
    const { head, requestId, lane } = this.#admitted
    const headers = [
      'content-type',
      'application/json',
      'traceparent',
      traceparentFrom(head.traceparent, requestId === head.requestId ? undefined : requestId),
    ]
    headers.push(HEADER.requestId, requestId)
    const event = Buffer.from(JSON.stringify(this.#event(body)))
    this.#answer(await invoke(router, lane, { headers, body: event, signal: this.#gone.signal }))
  }

  #event(body: Buffer): unknown {
    const { request, head, requestId, client, target } = this.#admitted
    const hasLength = head.hasBody || head.contentLength !== undefined
    const toEvent = this.#route.payloadFormatVersion === '1.0' ? toApiGatewayEventV1 : toApiGatewayEvent
    return toEvent({
      method: request.method ?? 'GET',
      rawTarget: target.path,
      rawHeaders: hasLength ? [...head.headers, 'content-length', String(body.length)] : head.headers,
      body,
      sourceIp: client,
      requestId,
      now: Date.now(),
      route: this.#route,
      protocol: `HTTP/${request.httpVersion}`,
    })
  }

  #answer(answer: InvokeAnswer): void {
    const { call } = answer
    const billedMs = billable(performance.now() - call.sentMs, billedMsOf(answer.headers[HEADER.report]))
    this.#context.tally.billed(billedMs, call.lane.fn.memoryMb)
    const failure = answer.headers[HEADER.error]
    const cold: string[] = []
    noteColdStart(call, this.#context.tally, cold)
    if (typeof failure === 'string') {
      const type = ['content-type', 'application/json', HEADER.error, failure]
      return this.#write({ statusCode: answer.status, headers: [...type, ...cold], body: answer.body })
    }
    if (answer.status !== 200) {
      const headers = ['content-type', 'application/json', ...cold]
      return this.#write({ statusCode: answer.status, headers, body: answer.body })
    }
    const converted = isStreamed(answer)
      ? fromStream(answer.body, contentTypeOf(answer))
      : fromResult(answer.body, this.#route.payloadFormatVersion)
    if (converted.kind === 'malformed') return this.#problem(new ProblemError('bad-answer', converted.message))
    this.#write({ ...converted, headers: [...converted.headers, ...cold] })
  }

  #write({ statusCode: status, headers, body, statedLength }: HttpAnswer): void {
    const { request, response, requestId, extraHeaders, draining } = this.#context
    const all = addCors(headers, extraHeaders)
    // That of a HEAD is what a GET would get (RFC 9110 §8.6): zero only when the function says so.
    const length = request.method === 'HEAD' && body.length === 0 ? statedLength : body.length
    if (length !== undefined && status !== 204 && status !== 304) all.push('content-length', String(length))
    all.push(HEADER.requestId, requestId)
    if (draining()) all.push('connection', 'close')
    response.writeHead(status, all)
    response.end(body)
    this.#count(outcomeOf(status))
  }

  #failed(error: unknown): void {
    if (this.#gone.signal.aborted) return
    const detail = errorText(error)
    this.#problem(error instanceof ProblemError ? error : new ProblemError('internal', detail))
  }

  #problem(problem: ProblemError, close = this.#context.draining()): void {
    const { response, requestId, tally, extraHeaders } = this.#context
    tally.problem(problem.code)
    this.#count(outcomeOf(problem.status))
    sendProblem(response, { problem, requestId, extra: extraHeaders, close })
  }

  #onClose(): void {
    if (this.#ended) return
    this.#count('aborted')
    this.#gone.abort(new Error('the client closed the connection'))
  }

  #count(outcome: string): void {
    if (this.#ended) return
    this.#ended = true
    this.#context.tally.request(outcome, performance.now() - this.#startedMs)
  }
}

type HttpAnswer = Omit<Extract<ApiGatewayAnswer, { kind: 'answer' }>, 'kind'>

const contentTypeOf = ({ headers }: InvokeAnswer): string => headers['content-type'] ?? 'application/octet-stream'

/** Results are JSON with a report before them; of a stream the report comes after it. */
function isStreamed({ headers }: InvokeAnswer): boolean {
  const { trailer, 'content-type': contentType } = headers
  const isAnnounced = trailer !== undefined && String(trailer).toLowerCase().includes(HEADER.report)
  return isAnnounced || (contentType !== undefined && !/^application\/json\b/i.test(contentType))
}
