/** One call of a function with the whole answer at once: as much of the body as is of use, the rest is read and thrown away. */
import type { IncomingHttpHeaders } from 'node:http'
import type { Call } from '../../routing/call.ts'
import type { CallSink } from '../../routing/call-types.ts'
import type { Lane } from '../../routing/lane.ts'
import { ProblemError } from '../../routing/problems.ts'
import type { Router } from '../../routing/router.ts'
import type { Answer } from './outcome.ts'

export type ExchangeResult = { kind: 'answer'; answer: Answer } | { kind: 'problem'; problem: ProblemError }

export interface EndedExchange {
  call: Call
  /** When its answer began, by the monotonic clock; undefined if it did not. */
  answeredMs: number | undefined
  result: ExchangeResult
}

export interface Exchange<T> {
  headers: string[]
  body: Buffer
  /** Of the answer's body, by its head. */
  keepBytes: (status: number, headers: IncomingHttpHeaders) => number
  /** Aborted: it is to be called no more, unless a pod has it. */
  signal: AbortSignal
  /** Before the promise settles; not when the signal had been aborted before. */
  onEnded?: (ended: EndedExchange) => void
  /** What it comes to; must not throw. Here and not after the promise: each step of promises costs a call a percent. */
  settle: (result: ExchangeResult) => T
}

/** Never throws. */
export function exchange<T>(
  router: Pick<Router, 'call'>,
  lane: Lane,
  { headers, body, keepBytes, signal, onEnded, settle }: Exchange<T>,
): Promise<T> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve(settle({ kind: 'problem', problem: takenAway() }))
    const request = { lane, method: 'POST', path: '/', headers, body }
    const calls = callsUnder(signal)
    const sink = new KeepingSink(keepBytes, (result) => {
      calls.delete(call)
      onEnded?.({ call, answeredMs: sink.answeredMs, result })
      resolve(settle(result))
    })
    const call = router.call(request, sink)
    calls.add(call)
    call.start()
  })
}

/** A listener per call would cost more than all else here: there is one per signal. */
const callsBySignal = new WeakMap<AbortSignal, Set<Call>>()

function callsUnder(signal: AbortSignal): Set<Call> {
  const known = callsBySignal.get(signal)
  if (known !== undefined) return known
  const calls = new Set<Call>()
  callsBySignal.set(signal, calls)
  const withdraw = () => [...calls].forEach((call) => call.withdraw(takenAway()))
  signal.addEventListener('abort', withdraw, { once: true })
  return calls
}

const takenAway = () => new ProblemError('stopping', 'the partition was taken away')

class KeepingSink implements CallSink {
  readonly #keepBytesFor: Exchange<unknown>['keepBytes']
  readonly #resolve: (result: ExchangeResult) => void
  #keepBytes = 0
  answeredMs: number | undefined = undefined
  #status = 0
  #headers: IncomingHttpHeaders = {}
  #chunks: Buffer[] = []
  #size = 0

  constructor(keepBytes: Exchange<unknown>['keepBytes'], resolve: (result: ExchangeResult) => void) {
    this.#keepBytesFor = keepBytes
    this.#resolve = resolve
  }

  onStart(status: number, headers: IncomingHttpHeaders): void {
    this.answeredMs = performance.now()
    this.#status = status
    this.#headers = headers
    this.#keepBytes = this.#keepBytesFor(status, headers)
  }

  onData(chunk: Buffer): boolean {
    const room = this.#keepBytes - this.#size
    if (room > 0) this.#chunks.push(chunk.length > room ? chunk.subarray(0, room) : chunk)
    this.#size += chunk.length
    return true
  }

  onEnd(): void {
    const body = this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks)
    const isCut = this.#size > this.#keepBytes
    this.#resolve({ kind: 'answer', answer: { status: this.#status, headers: this.#headers, body, isCut } })
  }

  onBroken(error: Error): void {
    const problem =
      error instanceof ProblemError ? error : new ProblemError('pod-died', `the answer broke off: ${error.message}`)
    this.#resolve({ kind: 'problem', problem })
  }

  onProblem(problem: ProblemError): void {
    this.#resolve({ kind: 'problem', problem })
  }
}
