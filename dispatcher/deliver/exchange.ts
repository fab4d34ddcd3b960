/** One call of a function with the whole answer at once: as much of the body as is of use, the rest is read and thrown away. */
import type { IncomingHttpHeaders } from 'node:http'
import type { CallSink } from '../../routing/call-types.ts'
import type { Lane } from '../../routing/lane.ts'
import { ProblemError } from '../../routing/problems.ts'
import type { Router } from '../../routing/router.ts'
import type { Answer } from './outcome.ts'

export type ExchangeResult = { kind: 'answer'; answer: Answer } | { kind: 'problem'; problem: ProblemError }

/** Never throws. `keepBytes`: of the answer's body. */
export function exchange(
  router: Router,
  lane: Lane,
  { headers, body, keepBytes }: { headers: string[]; body: Buffer; keepBytes: number },
): Promise<ExchangeResult> {
  return new Promise((resolve) => {
    const request = { lane, method: 'POST', path: '/', headers, body }
    router.call(request, new KeepingSink(keepBytes, resolve)).start()
  })
}

class KeepingSink implements CallSink {
  readonly #keepBytes: number
  readonly #resolve: (result: ExchangeResult) => void
  #status = 0
  #headers: IncomingHttpHeaders = {}
  #chunks: Buffer[] = []
  #size = 0

  constructor(keepBytes: number, resolve: (result: ExchangeResult) => void) {
    this.#keepBytes = keepBytes
    this.#resolve = resolve
  }

  onStart(status: number, headers: IncomingHttpHeaders): void {
    this.#status = status
    this.#headers = headers
  }

  onData(chunk: Buffer): boolean {
    const room = this.#keepBytes - this.#size
    if (room > 0) this.#chunks.push(chunk.length > room ? chunk.subarray(0, room) : chunk)
    this.#size += chunk.length
    return true
  }

  onEnd(): void {
    const body = this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks)
    this.#resolve({ kind: 'answer', answer: { status: this.#status, headers: this.#headers, body } })
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
