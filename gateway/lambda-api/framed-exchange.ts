/**
 * An answer to Lambda's InvokeWithResponseStream: what the function writes in frames as it comes, and a last one that says how it ended. A
 * function's failure is in the last frame, whenever it happened.
 */
import type { IncomingHttpHeaders } from 'node:http'
import { HEADER } from '../../api/names.ts'
import { Exchange } from '../proxy/exchange.ts'
import { chunkFrame, completeFrame } from './event-stream.ts'
import { BROKEN_OFF, isRefusal, refusalOf } from './unusable-answers.ts'

export class FramedExchange extends Exchange {
  /** The error object of a function that failed before it wrote anything. */
  #failure: Buffer[] | undefined
  /** What a runtime says that does not take the payload. */
  #refusal: Buffer[] | undefined
  #log: string | undefined
  #isComplete = false

  override onStart(status: number, from: IncomingHttpHeaders): void {
    if (isRefusal(status, { from, signature: this.context.signature })) {
      this.#refusal = []
      return
    }
    if (from[HEADER.error] !== undefined) this.#failure = []
    this.#log = textOf(from[HEADER.logResult])
    super.onStart(status, from)
  }

  override onData(chunk: Buffer): boolean {
    const held = this.#refusal ?? this.#failure
    return held === undefined ? super.onData(chunkFrame(chunk)) : held.push(chunk) > 0
  }

  override onEnd(trailers: IncomingHttpHeaders): void {
    if (this.#refusal !== undefined) return this.reject(refusalOf(Buffer.concat(this.#refusal)))
    this.#log ??= textOf(trailers[HEADER.logResult])
    const failure = this.#failure && Buffer.concat(this.#failure).toString()
    this.#complete(failure === undefined ? {} : { ErrorCode: 'Unhandled', ErrorDetails: failure })
    super.onEnd(trailers)
  }

  /** The last frame tells it; a connection that breaks off tells nothing. */
  protected override breakOff(): void {
    if (this.#isComplete || this.#refusal !== undefined) return super.breakOff()
    this.#complete({ ErrorCode: 'Unhandled', ErrorDetails: BROKEN_OFF })
    this.flush()
    this.context.response.end()
  }

  #complete(how: { ErrorCode?: string; ErrorDetails?: string }): void {
    this.#isComplete = true
    super.onData(completeFrame({ ...how, ...(this.#log !== undefined && { LogResult: this.#log }) }))
  }
}

const textOf = (value: string | string[] | undefined): string | undefined => (Array.isArray(value) ? value[0] : value)
