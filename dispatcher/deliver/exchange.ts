/** One call of a function with the whole answer at once: as much of the body as is of use, the rest is read and thrown away. */
import type { IncomingHttpHeaders } from 'node:http'
import { performance } from 'node:perf_hooks'
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
  /** POST. */
  method?: string | undefined
  /** `/`. */
  path?: string | undefined
  headers: string[]
  body: Buffer
  /** Of the answer's body, by its head. */
  keepBytes: (status: number, headers: IncomingHttpHeaders) => number
  /** Aborted: it is to be called no more, unless a pod has it. */
  signal: AbortSignal
  /** Before the promise settles; not when the signal had been aborted before. */
  onEnded?: ((ended: EndedExchange) => void) | undefined
  /** What it comes to; must not throw. Here and not after the promise: each step of promises costs a call a percent. */
  settle: (result: ExchangeResult) => T | Promise<T>
}

/** Never throws. */
export function exchange<T>(router: Pick<Router, 'call'>, lane: Lane, options: Exchange<T>): Promise<T> {
  return new Promise((resolve) => {
    const { method = 'POST', path = '/', headers, body, signal, settle } = options
    if (signal.aborted) return resolve(settle({ kind: 'problem', problem: takenAway() }))
    const sink = new KeepingSink(options, resolve)
    const call = router.call({ lane, method, path, headers, body }, sink)
    sink.begin(call, runningUnder(signal))
    call.start()
  })
}

interface Runs {
  readonly call: Call | undefined
  /** Among those that run. */
  place: number
}

/** Calls that run, each at its place: one that ends leaves it to the last of them. */
class Running {
  readonly #sinks: Runs[] = []

  constructor(signal: AbortSignal) {
    signal.addEventListener('abort', () => this.#withdraw(), { once: true })
  }

  add(sink: Runs): void {
    sink.place = this.#sinks.push(sink) - 1
  }

  remove({ place }: Runs): void {
    const last = this.#sinks.pop()
    if (last === undefined || last.place === place) return
    this.#sinks[place] = last
    last.place = place
  }

  #withdraw(): void {
    for (const { call } of [...this.#sinks]) call?.withdraw(takenAway())
  }
}

/** A listener per call would cost more than all else here: there is one per signal. */
const runningBySignal = new WeakMap<AbortSignal, Running>()

function runningUnder(signal: AbortSignal): Running {
  const known = runningBySignal.get(signal)
  if (known !== undefined) return known
  const running = new Running(signal)
  runningBySignal.set(signal, running)
  return running
}

const takenAway = () => new ProblemError('stopping', 'the partition was taken away')

class KeepingSink<T> implements CallSink, Runs {
  readonly #options: Exchange<T>
  readonly #resolve: (settled: T | Promise<T>) => void
  call: Call | undefined = undefined
  #running: Running | undefined = undefined
  place = 0
  #keepBytes = 0
  #answeredMs: number | undefined = undefined
  #status = 0
  #headers: IncomingHttpHeaders = {}
  #chunks: Buffer[] | undefined = undefined
  #first: Buffer | undefined = undefined
  #size = 0

  constructor(options: Exchange<T>, resolve: (settled: T | Promise<T>) => void) {
    this.#options = options
    this.#resolve = resolve
  }

  begin(call: Call, running: Running): void {
    this.call = call
    this.#running = running
    running.add(this)
  }

  onStart(status: number, headers: IncomingHttpHeaders): void {
    this.#answeredMs = performance.now()
    this.#status = status
    this.#headers = headers
    this.#keepBytes = this.#options.keepBytes(status, headers)
  }

  onData(chunk: Buffer): boolean {
    const room = this.#keepBytes - this.#size
    if (room > 0) this.#keep(chunk.length > room ? chunk.subarray(0, room) : chunk)
    this.#size += chunk.length
    return true
  }

  onEnd(): void {
    const body = this.#chunks === undefined ? (this.#first ?? NOTHING) : Buffer.concat(this.#chunks)
    const isCut = this.#size > this.#keepBytes
    this.#end({ kind: 'answer', answer: { status: this.#status, headers: this.#headers, body, isCut } })
  }

  onBroken(error: Error): void {
    const problem =
      error instanceof ProblemError ? error : new ProblemError('pod-died', `the answer broke off: ${error.message}`)
    this.#end({ kind: 'problem', problem })
  }

  onProblem(problem: ProblemError): void {
    this.#end({ kind: 'problem', problem })
  }

  /** Most answers are one piece. */
  #keep(chunk: Buffer): void {
    if (this.#first === undefined) this.#first = chunk
    else (this.#chunks ??= [this.#first]).push(chunk)
  }

  #end(result: ExchangeResult): void {
    const { onEnded, settle } = this.#options
    this.#running?.remove(this)
    if (this.call !== undefined) onEnded?.({ call: this.call, answeredMs: this.#answeredMs, result })
    this.#resolve(settle(result))
  }
}

const NOTHING = Buffer.alloc(0)
