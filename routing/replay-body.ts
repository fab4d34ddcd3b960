/**
 * A request body that can be sent more than once: it streams from the client with back-pressure and remembers what it has sent until
 * that is more than `replayLimitBytes` or the call is past replaying. An attempt that fails leaves the client's stream untouched.
 */
import { Readable } from 'node:stream'

export interface ReplayBodyOptions {
  replayLimitBytes: number
  /** More is an error of the client. */
  sizeLimitBytes: number
  onTooLarge(): void
  /** Once, when the body is wanted for the first time. */
  onDemand?(): void
}

export class ReplayBody {
  readonly #source: Readable
  readonly #options: ReplayBodyOptions
  #sent: Buffer[] | undefined = []
  #sentBytes = 0
  #ended = false
  #wanted = false
  #attempt: AttemptStream | undefined

  constructor(source: Readable, options: ReplayBodyOptions) {
    this.#source = source
    this.#options = options
    source.pause()
    source.on('data', this.#onData)
    source.on('end', this.#onEnd)
    source.on('close', this.#onClose)
  }

  get replayable(): boolean {
    return this.#sent !== undefined
  }

  /** From the first byte; only while replayable. */
  attempt(): Readable {
    if (!this.#wanted) this.#options.onDemand?.()
    this.#wanted = true
    const stream = new AttemptStream(this)
    for (const chunk of this.#sent ?? []) stream.push(chunk)
    if (this.#ended) stream.push(null)
    this.#attempt = stream
    return stream
  }

  /** It will not be sent again: memory is given back. */
  forget(): void {
    this.#sent = undefined
  }

  /** The rest is read and thrown away, so that the client can finish sending and read its answer. */
  discard(): void {
    this.forget()
    this.#attempt = undefined
    this.#source.off('data', this.#onData)
    this.#source.resume()
  }

  /** Called by an attempt that can take more. */
  pull(attempt: Readable): void {
    if (attempt === this.#attempt && !this.#ended) this.#source.resume()
  }

  /** Called by an attempt that has ended, well or not. */
  drop(attempt: Readable): void {
    if (attempt !== this.#attempt) return
    this.#attempt = undefined
    this.#source.pause()
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#sentBytes += chunk.length
    if (this.#sentBytes > this.#options.sizeLimitBytes) return this.#options.onTooLarge()
    if (this.#sentBytes > this.#options.replayLimitBytes) this.forget()
    this.#sent?.push(chunk)
    if (this.#attempt === undefined || !this.#attempt.push(chunk)) this.#source.pause()
  }

  readonly #onEnd = (): void => {
    this.#ended = true
    this.#attempt?.push(null)
  }

  readonly #onClose = (): void => {
    if (this.#ended) return
    // Half a request is not sent again.
    this.forget()
    this.#attempt?.destroy(new Error('the client went away before its request was complete'))
  }
}

class AttemptStream extends Readable {
  readonly #body: ReplayBody

  constructor(body: ReplayBody) {
    super()
    this.#body = body
  }

  override _read(): void {
    this.#body.pull(this)
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#body.drop(this)
    done(error)
  }
}
