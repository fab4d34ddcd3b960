/**
 * The way of a request through a listener: identify → match → admit → count → body → call. Each step either goes on or answers.
 * Waiting, choosing a pod and forwarding are the call's (routing/call.ts); the answer's way back is the exchange's.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { HEADER } from '../../api/names.ts'
import type { CallRequest } from '../../routing/call-types.ts'
import { unknownFunction, type Lane } from '../../routing/lane.ts'
import { ProblemError, type ProblemCode } from '../../routing/problems.ts'
import type { Router } from '../../routing/router.ts'
import { answerDryRun, isForEvents, type EventsApi, type EventsExchange } from '../events-api/events-api.ts'
import { lambdaDialect } from '../lambda-api/dialect.ts'
import type { GatewayMetrics } from '../metrics/gateway-metrics.ts'
import type { Admitted } from './admitted.ts'
import type { BodyBudget } from './body-budget.ts'
import type { CallerDialect } from './caller-dialect.ts'
import { Exchange } from './exchange.ts'
import type { Latecomers } from './latecomers.ts'
import { LambdaExchange } from './lambda-exchange.ts'
import { addForwarding } from './outgoing-headers.ts'
import { clientAddress, requestIdFrom } from './identity.ts'
import { lingerOnClose, sendProblem } from './problem-answer.ts'
import { readHead, type RequestHead } from './request-head.ts'
import { collectBody, SMALL_BODY_BYTES, streamBody, tooLarge } from './request-body.ts'
import { problemResolution, type IncomingTarget, type Resolution, type Target } from './target.ts'
import type { TrustedProxies } from './trusted-proxies.ts'
import { parseTarget } from '../routes/target.ts'

export interface PipelineOptions {
  router: Router
  metrics: GatewayMetrics
  /** Requests come from inside the cluster: `dormouse-*` headers that steer invocations are heard. */
  trusted: boolean
  proxies: TrustedProxies
  /** Where a request goes, by host and path. */
  resolve: (target: IncomingTarget) => Resolution
  maxUrlBytes: number
  /** Of bodies that stream to `http` functions. */
  maxBodyBytes: number
  /** Of bodies that are held whole; shared by all listeners. */
  budget: BodyBudget
  draining: () => boolean
  latecomers: Latecomers
  /** Of the internal listener, where there is an event log. */
  events?: EventsApi | undefined
}

type Admission = Exclude<Resolution, Target> | { kind: 'admitted'; target: Target; lane: Lane }
type Unrouted = Extract<Resolution, { kind: 'problem' }>

/** What may be known a moment later. */
const NEWS: ReadonlySet<string> = new Set<ProblemCode>(['unknown-function', 'unknown-route'])

/** Lambda's limit of a synchronous payload. */
const EVENT_BODY_LIMIT_BYTES = 6 * 1024 * 1024

export class Pipeline {
  readonly options: PipelineOptions

  constructor(options: PipelineOptions) {
    this.options = options
  }

  handle(request: IncomingMessage, response: ServerResponse, expectsContinue: boolean): void {
    const head = readHead(request.rawHeaders)
    const requestId = requestIdFrom(head.requestId)
    const { draining } = this.options
    const exchange = { request, response, head, requestId, expectsContinue, draining }
    const admitted = this.admit(request, head)
    const dialect = this.#dialectOf(request, admitted)
    const problem = dialect?.begin({ head, rawHeaders: request.rawHeaders, response, requestId })
    if (problem !== undefined) this.#reject(exchange, { problem, extraHeaders: [] })
    else if (admitted.kind === 'problem') this.#answerUnrouted(exchange, admitted)
    else this.#goOn(exchange, admitted)
  }

  /** Of who is not admitted the path tells it; one who asks for a function by its host is its caller, whatever the path. */
  #dialectOf({ url = '' }: IncomingMessage, admission: Admission): CallerDialect | undefined {
    if (admission.kind === 'admitted') return admission.target.dialect
    return this.options.trusted ? lambdaDialect(url) : undefined
  }

  #goOn(exchange: EventsExchange, admitted: Exclude<Admission, { kind: 'problem' }>): void {
    const { request, response, head, requestId } = exchange
    if (admitted.kind === 'answer') {
      const headers = [...admitted.headers, HEADER.requestId, requestId, 'content-length', '0']
      if (exchange.draining()) response.shouldKeepAlive = false
      return void response.writeHead(admitted.status, headers).end()
    }
    const { target, lane } = admitted
    const client = this.complete(head, { requestId, socket: request.socket })
    this.#forward({ ...exchange, client, target, lane })
  }

  /** Adds to `head` what a pod is told of the request's way. Returns the address of who asked; see trusted-proxies.ts. */
  complete(head: RequestHead, { requestId, socket }: { requestId: string; socket: Socket }): string {
    const { proxies, trusted } = this.options
    const peer = clientAddress(socket)
    const client = proxies.clientOf(head, peer)
    addForwarding(head, { requestId, peer, trusted })
    return client
  }

  /** Match and admit: the function a request goes to, or the answer it gets instead. */
  admit(request: IncomingMessage, head: RequestHead): Admission {
    const { router, maxUrlBytes, resolve } = this.options
    const url = request.url ?? ''
    if (url.length > maxUrlBytes)
      return problemResolution(
        new ProblemError('uri-too-long', `the request target may have at most ${maxUrlBytes} bytes`),
      )
    // An absolute target overrules Host (RFC 9112 §3.2.2); it is rare, so only then is it looked at twice.
    if (!url.startsWith('/')) head.host = parseTarget(url)?.authority ?? head.host
    const mistake = mistakeIn(head, request.httpVersion)
    if (mistake !== undefined) return problemResolution(new ProblemError('bad-request', mistake))
    const { method = 'GET', rawHeaders } = request
    const resolution = resolve({ host: head.host, method, target: url, rawHeaders })
    if (resolution.kind !== 'target') return resolution
    const lane = router.lane(resolution.key)
    if (lane !== undefined) return { kind: 'admitted', target: resolution, lane }
    return problemResolution(unknownFunction(resolution.key), resolution.extraHeaders)
  }

  #reject(
    {
      request,
      response,
      head,
      requestId,
    }: { request: IncomingMessage; response: ServerResponse; head: RequestHead; requestId: string },
    { problem, extraHeaders }: { problem: ProblemError; extraHeaders: readonly string[] },
  ): void {
    this.options.metrics.rejected(problem.code)
    if (head.hasBody) lingerOnClose(request)
    // What follows a request that cannot be read one way only is not read at all.
    const close = head.hasBody || problem.code === 'bad-request' || this.options.draining()
    sendProblem(response, { problem, requestId, extra: extraHeaders, close })
  }

  #forward(admitted: Admitted): void {
    const { request, response, head, requestId, target, lane } = admitted
    const { router, metrics, trusted, draining, budget } = this.options
    const { signature } = lane.fn
    const type = head.invocationType
    if (trusted && type !== undefined && type.toLowerCase() !== 'requestresponse')
      return this.#forwardTyped(admitted, type)
    const limitBytes = signature === 'http' ? this.options.maxBodyBytes : EVENT_BODY_LIMIT_BYTES
    if (head.contentLength !== undefined && head.contentLength > limitBytes)
      return this.#reject(admitted, { problem: tooLarge(limitBytes), extraHeaders: target.extraHeaders })
    const tally = metrics.tally(lane.key)
    const { extraHeaders, dialect } = target
    const context = { request, response, requestId, trusted, tally, draining, extraHeaders, dialect, signature }
    if (signature === 'event' && target.route !== undefined)
      return new LambdaExchange(context, admitted, target.route).begin(router, { limitBytes, budget })
    this.#send(new (dialect?.exchange ?? Exchange)(context), admitted, limitBytes)
  }

  /** Other invocation types than RequestResponse, which waits for the answer. */
  #forwardTyped(admitted: Admitted, type: string): void {
    const { events } = this.options
    const { extraHeaders, path } = admitted.target
    const refuse = (problem: ProblemError) => this.#reject(admitted, { problem, extraHeaders })
    const wanted = type.toLowerCase()
    if (wanted !== 'event' && wanted !== 'dryrun')
      return refuse(
        new ProblemError('invocation-type-unsupported', `expected RequestResponse, Event or DryRun, got ${type}`),
      )
    // Lambda's asks for no more than whether the function is there.
    if (wanted === 'dryrun' && (events ?? admitted.target.dialect) !== undefined) return answerDryRun(admitted)
    if (events === undefined) return refuse(noEventLog())
    events.invoke(admitted, admitted.lane, path)
  }

  /** What no function serves: paths of the event path on the internal listener, what may become known in a moment, else a problem. */
  #answerUnrouted(exchange: EventsExchange, unrouted: Unrouted): void {
    const { trusted, events } = this.options
    if (trusted && unrouted.problem.code === 'unknown-route') {
      if (events?.handle(exchange) === true) return
      if (events === undefined && isForEvents(exchange.request.url))
        return this.#reject(exchange, { ...unrouted, problem: noEventLog() })
    }
    if (!this.#waitsForNews(exchange, unrouted)) this.#reject(exchange, unrouted)
  }

  #waitsForNews(exchange: EventsExchange, unrouted: Unrouted): boolean {
    const { draining, latecomers } = this.options
    if (draining() || !NEWS.has(unrouted.problem.code)) return false
    const { request, response, head } = exchange
    const again = () => {
      const admitted = this.admit(request, head)
      if (admitted.kind === 'problem') return false
      this.#goOn(exchange, admitted)
      return true
    }
    const leave = latecomers.hold(again, () => this.#reject(exchange, unrouted))
    if (leave === false) return false
    response.once('close', leave)
    return true
  }

  #send(exchange: Exchange, admitted: Admitted, limitBytes: number): void {
    const { request, response, head, lane, target, expectsContinue } = admitted
    const event = lane.fn.signature === 'event'
    const method = event ? 'POST' : (request.method ?? 'GET')
    const path = event ? '/' : target.path
    const start = (body: CallRequest['body']) =>
      exchange.begin(this.options.router.call({ lane, method, path, headers: head.headers, body }, exchange))
    if (!head.hasBody) return start(event ? EMPTY_EVENT : emptyBody(head))
    const onTooLarge = (problem: ProblemError) => exchange.reject(problem)
    if (head.contentLength !== undefined && head.contentLength <= SMALL_BODY_BYTES) {
      if (expectsContinue) response.writeContinue()
      return collectBody(request, { limitBytes, onDone: start, onTooLarge })
    }
    if (head.contentLength !== undefined) head.headers.push('content-length', String(head.contentLength))
    const onDemand = expectsContinue ? () => response.writeContinue() : undefined
    exchange.body = streamBody(request, { limitBytes, onTooLarge, ...(onDemand && { onDemand }) })
    start(exchange.body)
  }
}

/** A name or an address, and a port (RFC 9112 §3.2): functions make links of it. */
const HOST = /^[\w.~!$&'()*+,;=%:[\]-]*$/

/** What node lets through although two servers could read it differently. Of several hosts each may count; HTTP/1.0 knows none. */
function mistakeIn({ hosts, host, codings }: RequestHead, httpVersion: string): string | undefined {
  if (hosts > 1 || (hosts === 0 && httpVersion !== '1.0')) return `expected one Host header, got ${hosts}`
  if (!HOST.test(host)) return `expected a host and port in the Host header, got ${host}`
  return codings === undefined ? undefined : `expected a body that is chunked and nothing else, got ${codings}`
}

function noEventLog(): ProblemError {
  return new ProblemError(
    'events-unavailable',
    'expected an event log for asynchronous invocations and topics, this gateway runs without (DORMOUSE_KAFKA)',
  )
}

/** None at all, or one that is declared to be empty. */
function emptyBody(head: RequestHead): null {
  if (head.contentLength === 0) head.headers.push('content-length', '0')
  return null
}

const EMPTY_EVENT = Buffer.from('{}')
