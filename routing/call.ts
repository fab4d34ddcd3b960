/**
 * One call of a function: waits for a slot, sends, replays what provably did not run, passes the answer to its sink as it comes.
 * Promises exactly one of: an answer begun and ended, an answer begun and broken, or one problem. The slot is always given back.
 *
 * It is its own undici handler and its own waiter: one object per request. Callbacks of an attempt end before the next begins.
 */
import type { IncomingHttpHeaders } from 'node:http'
import type { Duplex, Readable } from 'node:stream'
import type { Dispatcher } from 'undici'
import { HEADER } from '../api/names.ts'
import { failureOf } from './attempt-failure.ts'
import type { Clock } from './clock.ts'
import { Waiter, type Lane } from './lane.ts'
import { ProblemError } from './problems.ts'
import type { PodSlots } from './slot-table.ts'

export interface CallRequest {
  method: string
  /** Path and query as the function sees them; starts with `/`. */
  path: string
  /** Name, value, name, value …; without hop-by-hop headers, key and deadline. The call adds to it. */
  headers: string[]
  body: Buffer | StreamedBody | null
  /** Protocol to upgrade to; the sink then implements `onUpgrade`. */
  upgrade?: string | undefined
}

/** A body that is streamed; see replay-body. */
export interface StreamedBody {
  readonly replayable: boolean
  attempt(): Readable
  forget(): void
}

export interface CallSink {
  /** Status and headers of the answer; lower-case names. */
  onStart(status: number, headers: IncomingHttpHeaders): void
  /** False: no more until `resume`. */
  onData(chunk: Buffer): boolean
  onEnd(trailers: IncomingHttpHeaders): void
  /** The answer cannot be completed; nothing of it may look complete. */
  onBroken(error: Error): void
  /** Instead of an answer. */
  onProblem(problem: ProblemError): void
  onUpgrade?(socket: Duplex, headers: IncomingHttpHeaders): void
}

export interface CallDeps {
  dispatcher: Pick<Dispatcher, 'dispatch'>
  clock: Clock
  /** Longest wait for a slot, from the call's start. */
  waitLimitMs: number
  /** After the function's own timeout, for its own timeout answer to arrive. */
  graceMs: number
  /** Why the lane has nothing to offer, for humans. */
  waitReason(lane: Lane): string
  onReplay?(lane: Lane, reason: ReplayReason): void
}

export type ReplayReason = 'busy' | 'leaving' | 'not-specialized' | 'connect' | 'unacknowledged'

/** Connections that ended unacknowledged, per call; the request itself may be what ends them. */
const MAX_UNACKNOWLEDGED = 3

type State = 'new' | 'waiting' | 'sending' | 'answering' | 'refused' | 'upgraded' | 'done'

export class Call extends Waiter implements Dispatcher.DispatchHandler {
  readonly lane: Lane
  readonly #deps: CallDeps
  readonly #request: CallRequest
  readonly #sink: CallSink
  readonly #headerCount: number
  readonly startedMs: number
  /** When it began to wait for a slot; undefined when one was free. */
  waitedSinceMs: number | undefined = undefined
  sentMs = 0
  /** The pod that runs it, or ran it last. */
  pod: PodSlots | undefined = undefined
  /** The pod whose slot it holds. */
  #holding: PodSlots | undefined = undefined
  #state: State = 'new'
  #timer: (() => void) | undefined = undefined
  #controller: Dispatcher.DispatchController | undefined = undefined
  #written = false
  #acknowledged = false
  #unacknowledged = 0
  #refusal: 'busy' | 'leaving' | 'not-specialized' = 'busy'

  constructor(lane: Lane, request: CallRequest, sink: CallSink, deps: CallDeps) {
    super()
    this.lane = lane
    this.#deps = deps
    this.#request = request
    this.#sink = sink
    this.#headerCount = request.headers.length
    this.startedMs = deps.clock.now()
  }

  start(): void {
    const pod = this.lane.tryAcquire()
    if (pod === undefined) this.#wait(false)
    else this.#send(pod)
  }

  /** The caller has lost interest: the pod hears at once. Nothing more is said to the sink. */
  abort(reason: Error): void {
    if (this.#state === 'done') return
    const controller = this.#controller
    const wasUpgraded = this.#state === 'upgraded'
    this.#finish()
    if (!wasUpgraded) controller?.abort(reason)
  }

  /** The sink can take data again. */
  resume(): void {
    this.#controller?.resume()
  }

  /** Ends an upgraded call: its connection is closed. */
  closed(): void {
    if (this.#state === 'upgraded') this.#finish()
  }

  /** Whether it waited for a pod that was not there when it came. */
  get cold(): boolean {
    return this.waitedSinceMs !== undefined && this.pod !== undefined && this.pod.addedAtMs >= this.waitedSinceMs
  }

  override granted(pod: PodSlots): void {
    this.#timer?.()
    this.#send(pod)
  }

  override rejected(problem: ProblemError): void {
    this.#fail(problem)
  }

  #wait(again: boolean): void {
    const { clock, waitLimitMs } = this.#deps
    this.#state = 'waiting'
    this.waitedSinceMs ??= clock.now()
    this.#timer = clock.after(this.startedMs + waitLimitMs - clock.now(), this.#onWaitedTooLong)
    const problem = this.lane.wait(this, again)
    if (problem !== undefined) this.#fail(problem)
  }

  readonly #onWaitedTooLong = (): void => {
    this.lane.leave(this)
    const waitedMs = Math.round(this.#deps.clock.now() - this.startedMs)
    const reason = this.#deps.waitReason(this.lane)
    this.#fail(new ProblemError('cannot-wake', `${this.lane.key} had no free slot for ${waitedMs} ms: ${reason}`))
  }

  #send(pod: PodSlots): void {
    const { clock, dispatcher, graceMs } = this.#deps
    const { timeoutMs } = this.lane.fn
    const { method, path, headers, body, upgrade } = this.#request
    this.#state = 'sending'
    this.pod = this.#holding = pod
    this.sentMs = clock.now()
    this.#controller = undefined
    this.#written = this.#acknowledged = false
    this.#timer = clock.after(timeoutMs + graceMs, this.#onDeadline)
    headers.length = this.#headerCount
    headers.push(HEADER.key, pod.endpoint.dataKey, HEADER.deadline, String(Date.now() + timeoutMs))
    dispatcher.dispatch(
      {
        origin: pod.origin,
        method: method,
        path,
        headers,
        body: body === null || Buffer.isBuffer(body) ? body : body.attempt(),
        ...(upgrade === undefined ? undefined : { upgrade }),
      },
      this,
    )
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    // It ended while undici was still connecting.
    if (this.#state !== 'sending') return controller.abort(new Error('the call has ended'))
    this.#controller = controller
    this.#written = true
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (this.#state !== 'sending') return
    if (status < 200) {
      if (status === 102) this.#accepted()
      return
    }
    const refusal = this.#acknowledged || status !== 503 ? undefined : refusalOf(headers[HEADER.refused])
    if (refusal !== undefined) {
      this.#refusal = refusal
      this.#state = 'refused'
      return
    }
    this.#accepted()
    this.#state = 'answering'
    this.#sink.onStart(status, headers)
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#state === 'answering' && !this.#sink.onData(chunk)) controller.pause()
  }

  onResponseEnd(_controller: Dispatcher.DispatchController, trailers: IncomingHttpHeaders): void {
    if (this.#state === 'refused') return this.#refused()
    if (this.#state !== 'answering') return
    this.#finish()
    this.#sink.onEnd(trailers)
  }

  onRequestUpgrade(
    _controller: Dispatcher.DispatchController,
    _status: number,
    headers: IncomingHttpHeaders,
    socket: Duplex,
  ): void {
    if (this.#state !== 'sending' || this.#sink.onUpgrade === undefined) return void socket.destroy()
    this.#accepted()
    this.#state = 'upgraded'
    this.#timer?.()
    this.#sink.onUpgrade(socket, headers)
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    switch (this.#state) {
      case 'refused':
        return this.#refused()
      case 'answering':
        this.#finish()
        return this.#sink.onBroken(error)
      case 'sending':
        return this.#attemptFailed(error)
    }
  }

  #accepted(): void {
    this.#acknowledged = true
    if (this.pod !== undefined) this.lane.worked(this.pod)
    const { body } = this.#request
    if (body !== null && !Buffer.isBuffer(body)) body.forget()
  }

  #refused(): void {
    const pod = this.pod
    if (pod === undefined) return
    this.lane.block(pod, this.#refusal)
    this.#replay(this.#refusal, new ProblemError('pod-refused', `pod ${pod.endpoint.pod} refused: ${this.#refusal}`))
  }

  #attemptFailed(error: Error): void {
    const pod = this.pod
    if (pod === undefined) return
    const failure = failureOf(error, {
      written: this.#written,
      acknowledged: this.#acknowledged,
      acknowledges: pod.endpoint.acknowledges,
    })
    switch (failure.kind) {
      case 'not-sent':
        this.lane.block(pod, 'unreachable')
        return this.#replay('connect', failure.problem)
      case 'not-executed':
        if (++this.#unacknowledged > MAX_UNACKNOWLEDGED) return this.#fail(failure.problem)
        return this.#replay('unacknowledged', failure.problem)
      case 'failed':
        return this.#fail(failure.problem)
    }
  }

  /** On another pod when there is one; the problem is for a body that is too large to be sent again. */
  #replay(reason: ReplayReason, problem: ProblemError): void {
    const { body } = this.#request
    const before = this.pod
    this.#releaseSlot()
    if (body !== null && !Buffer.isBuffer(body) && !body.replayable) return this.#fail(problem)
    this.#deps.onReplay?.(this.lane, reason)
    const pod = this.lane.tryAcquire(before)
    if (pod === undefined) this.#wait(true)
    else this.#send(pod)
  }

  readonly #onDeadline = (): void => {
    const limit = `${this.lane.key} did not finish within ${this.lane.fn.timeoutMs} ms`
    const problem = new ProblemError('deadline-exceeded', limit)
    const answering = this.#state === 'answering'
    const controller = this.#controller
    this.#finish()
    controller?.abort(problem)
    if (answering) this.#sink.onBroken(problem)
    else this.#sink.onProblem(problem)
  }

  #fail(problem: ProblemError): void {
    if (this.#state === 'done') return
    this.#finish()
    this.#sink.onProblem(problem)
  }

  #finish(): void {
    if (this.#state === 'waiting') this.lane.leave(this)
    this.#state = 'done'
    this.#releaseSlot()
  }

  #releaseSlot(): void {
    this.#timer?.()
    const holds = this.#holding
    this.#holding = undefined
    if (holds !== undefined) this.lane.release(holds)
  }
}

function refusalOf(value: string | string[] | undefined): 'busy' | 'leaving' | 'not-specialized' | undefined {
  return value === 'busy' || value === 'leaving' || value === 'not-specialized' ? value : undefined
}
