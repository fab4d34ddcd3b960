/**
 * An answer to Lambda's InvokeWithResponseStream: what the function writes in frames as it comes, and a last one that says how it ended. A
 * function's failure is in the last frame, whenever it happened.
 */
import type { IncomingHttpHeaders } from 'node:http'
import { HEADER } from '../../api/names.ts'
import { Exchange } from '../proxy/exchange.ts'
import { chunkFrame, completeFrame } from './event-stream.ts'

export class FramedExchange extends Exchange {
  /** The error object of a function that failed before it wrote anything. */
  #failure: Buffer[] | undefined
  #log: string | undefined
  #isComplete = false

  override onStart(status: number, from: IncomingHttpHeaders): void {
    if (from[HEADER.error] !== undefined) this.#failure = []
    this.#log = textOf(from[HEADER.logResult])
    super.onStart(status, from)
  }

  override onData(chunk: Buffer): boolean {
    if (this.#failure === undefined) return super.onData(chunkFrame(chunk))
    this.#failure.push(chunk)
    return true
  }

  override onEnd(trailers: IncomingHttpHeaders): void {
    this.#log ??= textOf(trailers[HEADER.logResult])
    const failure = this.#failure && Buffer.concat(this.#failure).toString()
    this.#complete(failure === undefined ? {} : { ErrorCode: 'Unhandled', ErrorDetails: failure })
    super.onEnd(trailers)
  }

  /** The last frame tells it; a connection that breaks off tells nothing. */
  protected override breakOff(): void {
    if (this.#isComplete) return super.breakOff()
    const errorMessage = 'the answer broke off: the function failed, ran too long, or its pod ended'
    const ErrorDetails = JSON.stringify({ errorType: 'Runtime.StreamError', errorMessage })
    this.#complete({ ErrorCode: 'Unhandled', ErrorDetails })
    this.flush()
    this.context.response.end()
  }

  #complete(how: { ErrorCode?: string; ErrorDetails?: string }): void {
    this.#isComplete = true
    super.onData(completeFrame({ ...how, ...(this.#log !== undefined && { LogResult: this.#log }) }))
  }
}

const textOf = (value: string | string[] | undefined): string | undefined => (Array.isArray(value) ? value[0] : value)
