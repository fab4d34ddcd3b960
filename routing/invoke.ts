/** A whole call at once: bytes in, bytes out, for callers that convert the answer. Same core as the streaming path. */
import type { IncomingHttpHeaders } from 'node:http'
import type { Call } from './call.ts'
import type { CallRequest, CallSink } from './call-types.ts'
import type { Lane } from './lane.ts'
import { ProblemError } from './problems.ts'
import type { Router } from './router.ts'

/** Lambda's 6 MB and room for what JSON adds. */
const INVOKE_ANSWER_LIMIT_BYTES = 6 * 1024 * 1024 + 100 * 1024

export interface InvokeRequest {
  /** Name, value, …; request id, content type and what else the pod should see. */
  headers: string[]
  body: Buffer
  signal: AbortSignal
}

export interface InvokeAnswer {
  status: number
  headers: IncomingHttpHeaders
  body: Buffer
  /** For what the caller wants to know of phases and pods. */
  call: Call
}

/** Throws ProblemError for everything the platform answers itself, the signal's reason when aborted. */
export function invoke(router: Router, lane: Lane, { headers, body, signal }: InvokeRequest): Promise<InvokeAnswer> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason as Error)
    const outgoing: CallRequest = { lane, method: 'POST', path: '/', headers, body }
    const sink = new BufferSink(
      (answer) => (signal.removeEventListener('abort', abort), resolve({ ...answer, call })),
      (error) => (signal.removeEventListener('abort', abort), reject(error)),
    )
    const call = router.call(outgoing, sink)
    const abort = () => {
      call.abort(signal.reason as Error)
      reject(signal.reason as Error)
    }
    sink.cut = (problem) => call.abort(problem)
    signal.addEventListener('abort', abort, { once: true })
    call.start()
  })
}

class BufferSink implements CallSink {
  cut: (problem: ProblemError) => void = () => undefined
  readonly #resolve: (answer: Omit<InvokeAnswer, 'call'>) => void
  readonly #reject: (error: Error) => void
  #status = 0
  #headers: IncomingHttpHeaders = {}
  readonly #chunks: Buffer[] = []
  #size = 0

  constructor(resolve: (answer: Omit<InvokeAnswer, 'call'>) => void, reject: (error: Error) => void) {
    this.#resolve = resolve
    this.#reject = reject
  }

  onStart(status: number, headers: IncomingHttpHeaders): void {
    this.#status = status
    this.#headers = headers
  }

  onData(chunk: Buffer): boolean {
    this.#size += chunk.length
    if (this.#size > INVOKE_ANSWER_LIMIT_BYTES) {
      const problem = new ProblemError('bad-answer', `the answer is larger than ${INVOKE_ANSWER_LIMIT_BYTES} bytes`)
      this.cut(problem)
      this.#reject(problem)
      return false
    }
    this.#chunks.push(chunk)
    return true
  }

  onEnd(): void {
    this.#resolve({ status: this.#status, headers: this.#headers, body: Buffer.concat(this.#chunks, this.#size) })
  }

  onBroken(error: Error): void {
    this.#reject(
      error instanceof ProblemError ? error : new ProblemError('pod-died', `the answer broke off: ${error.message}`),
    )
  }

  onProblem(problem: ProblemError): void {
    this.#reject(problem)
  }
}
