/**
 * One call of a function: waits for a slot, sends, replays what provably did not run, passes the answer to its sink as it comes.
 * Promises exactly one of: an answer begun and ended, an answer begun and broken, or one problem. The slot is always given back.
 * It is its own undici handler and its own waiter: one object per request. Callbacks of an attempt end before the next begins.
 */
import type { IncomingHttpHeaders } from 'node:http'
import type { Dispatcher } from 'undici'
import { HEADER, type RefusedReason } from '../api/names.ts'
import { deadlineExceeded, failureOf, isLastAnswer, isStuck, MAX_UNACKNOWLEDGED, refusalOf } from './attempt-failure.ts'
import type { CallDeps, CallRequest, CallSink, CallState, ReplayReason, StreamedBody, Upgrade } from './call-types.ts'
import type { Expiring } from './deadlines.ts'
import { Waiter, type Lane } from './lane.ts'
import { ProblemError, waitedTooLong } from './problems.ts'
import type { PodConnection, PodHandler } from './pod-agent.ts'
import type { PodSlots } from './slot-table.ts'

export class Call extends Waiter implements PodHandler, Expiring {
  readonly lane: Lane
  readonly #deps: CallDeps
  readonly #request: CallRequest
  readonly #sink: CallSink
  readonly #headerCount: number
  readonly #stream: StreamedBody | undefined
  readonly startedMs: number
  /** When it began to wait for a slot; undefined when one was free. */
  waitedSinceMs: number | undefined = undefined
  connection: PodConnection | undefined = undefined
  sentMs = 0
  dueMs = 0
  /** The pod that runs it, or ran it last. */
  pod: PodSlots | undefined = undefined
  /** The pod whose slot it holds. */
  #holding: PodSlots | undefined = undefined
  #state: CallState = 'new'
  #stopWaiting: (() => void) | undefined = undefined
  #controller: Dispatcher.DispatchController | undefined = undefined
  #written = false
  #acknowledged = false
  #unacknowledged = 0
  #refusal: RefusedReason = 'busy'
  #withdrawn: ProblemError | undefined = undefined

  constructor(request: CallRequest, sink: CallSink, deps: CallDeps) {
    super()
    this.lane = request.lane
    this.#deps = deps
    this.#request = request
    this.#sink = sink
    this.#headerCount = request.headers.length
    this.#stream = request.body === null || Buffer.isBuffer(request.body) ? undefined : request.body
    this.startedMs = deps.clock.now()
  }

  start(): void {
    const pod = this.lane.tryAcquire(this.startedMs)
    if (pod === undefined) this.#wait(false)
    else this.#send(pod, this.startedMs)
  }

  /** The caller has lost interest, or an upgraded connection has ended: the pod hears at once, the sink nothing more. */
  abort(reason: Error): void {
    if (this.#state === 'done') return
    const [controller, wasUpgraded] = [this.#controller, this.#state === 'upgraded']
    this.#finish()
    if (!wasUpgraded) controller?.abort(reason)
  }

  /** Unless a pod has it, it is to be called no more: the sink gets this problem, at once or when the pod refuses it. */
  withdraw(problem: ProblemError): void {
    this.#withdrawn = problem
    if (this.#state === 'waiting') this.#fail(problem)
  }

  /** The sink can take data again. */
  resume(): void {
    this.#controller?.resume()
  }

  /** Whether it waited for a pod that was not there when it came. */
  get cold(): boolean {
    return this.waitedSinceMs !== undefined && this.pod !== undefined && this.pod.addedAtMs >= this.waitedSinceMs
  }

  override granted(pod: PodSlots): void {
    this.#stopWaiting?.()
    this.#send(pod, this.#deps.clock.now())
  }

  override rejected(problem: ProblemError): void {
    this.#fail(problem)
  }

  #wait(again: boolean): void {
    const { clock, waitLimitMs } = this.#deps
    this.#state = 'waiting'
    this.waitedSinceMs ??= clock.now()
    this.#stopWaiting = clock.after(this.startedMs + waitLimitMs - clock.now(), () => this.#onWaitedTooLong())
    const problem = this.lane.wait(this, again)
    if (problem !== undefined) this.#fail(problem)
  }

  #onWaitedTooLong(): void {
    this.lane.leave(this)
    this.#fail(waitedTooLong(this.lane.key, this.#deps.clock.now() - this.startedMs, this.#deps.waitReason(this.lane)))
  }

  #send(pod: PodSlots, nowMs: number): void {
    const { deadlines, dispatcher, graceMs } = this.#deps
    const { timeoutMs } = this.lane.fn
    const { method, path, headers, body, upgrade } = this.#request
    this.#state = 'sending'
    this.pod = this.#holding = pod
    this.sentMs = nowMs
    this.#controller = undefined
    this.#written = this.#acknowledged = false
    deadlines.add(this, this.sentMs, timeoutMs + graceMs)
    if (headers.length > this.#headerCount) headers.length = this.#headerCount // Of an earlier attempt.
    headers.push(HEADER.key, pod.endpoint.dataKey, HEADER.deadline, String(Date.now() + timeoutMs))
    const attempt = this.#stream?.attempt() ?? (body as Buffer | null)
    dispatcher.dispatch({ origin: pod.origin, method, path, headers, body: attempt, upgrade: upgrade ?? null }, this)
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    // It ended while undici was still connecting.
    if (this.#state !== 'sending') return controller.abort(new Error('the call has ended'))
    this.#controller = controller
    this.#written = true
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (this.#state !== 'sending') return
    if (status < 200) return status === 102 ? this.#accepted() : this.#sink.onInterim?.(status, headers)
    const refusal = this.#acknowledged ? undefined : refusalOf(status, headers)
    if (refusal !== undefined) {
      this.#refusal = refusal
      this.#state = 'refused'
      return this.#deps.deadlines.soon(this)
    }
    this.#accepted(isLastAnswer(status, headers))
    this.#state = 'answering'
    this.#sink.onStart(status, headers)
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#state === 'answering' && !this.#sink.onData(chunk)) controller.pause()
  }

  onResponseEnd(_controller: Dispatcher.DispatchController, trailers: IncomingHttpHeaders): void {
    if (this.connection?.answered() === false) return this.onResponseError(null, new Error('read ECONNRESET'))
    if (this.#state === 'refused') return this.#refused()
    if (this.#state !== 'answering') return
    this.#finish()
    this.#sink.onEnd(trailers)
  }

  onRequestUpgrade(...[, , headers, socket]: Upgrade): void {
    if (this.#state !== 'sending' || this.#sink.onUpgrade === undefined) return void socket.destroy()
    this.#accepted()
    this.#state = 'upgraded'
    this.#deps.deadlines.remove(this)
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
      default: // It was ended here: what undici says of it is an echo.
        return
    }
  }

  #accepted(isLast = false): void {
    this.#acknowledged = true
    if (this.pod !== undefined) this.lane.worked(this.pod, isLast)
    this.#stream?.forget()
  }

  #refused(): void {
    const pod = this.pod
    if (pod === undefined) return
    this.lane.block(pod, this.#refusal)
    this.#replay(this.#refusal, new ProblemError('pod-refused', `pod ${pod.endpoint.pod} refused: ${this.#refusal}`))
  }

  #attemptFailed(error: Error): void {
    const { pod } = this
    if (pod === undefined) return
    const progress = { written: this.#written, acknowledged: this.#acknowledged }
    const { kind, problem } = failureOf(error, { ...progress, acknowledges: pod.endpoint.acknowledges })
    switch (kind) {
      case 'not-sent':
        this.lane.block(pod, 'unreachable')
        return this.#replay('connect', problem)
      case 'not-executed':
        this.connection?.broken()
        if (++this.#unacknowledged > MAX_UNACKNOWLEDGED) return this.#fail(problem)
        return this.#replay('unacknowledged', problem)
      case 'failed':
        return this.#fail(problem)
    }
  }

  /** On another pod when there is one; the problem is for a body that is too large to be sent again. */
  #replay(reason: ReplayReason, problem: ProblemError): void {
    this.#releaseSlot()
    if (this.#withdrawn !== undefined) return this.#fail(this.#withdrawn)
    if (this.#stream?.replayable === false) return this.#fail(problem)
    this.#deps.onReplay?.(this.lane, reason)
    const nowMs = this.#deps.clock.now()
    const pod = this.lane.tryAcquire(nowMs, this.pod)
    if (pod === undefined) this.#wait(true)
    else this.#send(pod, nowMs)
  }

  expired(): void {
    if (this.#state === 'refused') return this.#controller?.abort(new Error('the refusal does not end'))
    const problem = deadlineExceeded(this.lane.fn)
    const answering = this.#state === 'answering'
    if (isStuck(this.pod, this.#request, this.#acknowledged)) this.lane.block(this.pod, 'unreachable')
    this.#finish()
    this.#controller?.abort(problem)
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
    this.#stopWaiting?.()
    this.#state = 'done'
    this.#releaseSlot()
  }

  #releaseSlot(): void {
    this.#deps.deadlines.remove(this)
    if (this.#holding !== undefined) this.lane.release(this.#holding)
    this.#holding = undefined
  }
}
