/** Carries out the newest of what it is told, one thing after the other; what fails is tried again with back-off, and said once in the log. */
import { backoffMs } from '../lib/backoff.ts'
import type { Clock } from '../lib/clock.ts'
import type { Logger } from '../lib/logger.ts'
import { pause } from '../lib/pause.ts'

export interface FollowerOptions {
  /** What is followed, for the log. */
  what: string
  clock: Clock
  logger: Logger
  /** Told again when it throws, or when something changed meanwhile. */
  carryOut: () => Promise<void>
}

const RETRY = { firstMs: 500, longestMs: 30_000 }

export class Follower {
  readonly #options: FollowerOptions
  readonly #stopped = new AbortController()
  #working: Promise<void> | undefined
  #isDirty = false
  #news = new AbortController()

  constructor(options: FollowerOptions) {
    this.#options = options
  }

  /** Aborts with `stop`. */
  get signal(): AbortSignal {
    return this.#stopped.signal
  }

  /** Ends a wait, too: what is new need not wait for what fails. */
  changed(): void {
    this.#isDirty = true
    this.#news.abort()
    this.#working ??= this.#work().finally(() => (this.#working = undefined))
  }

  /** Settles when nothing is under way any more. */
  async stop(): Promise<void> {
    this.#stopped.abort()
    await this.#working
  }

  async #work(): Promise<void> {
    const { clock, logger, what, carryOut } = this.#options
    for (let failures = 0; this.#isDirty && !this.signal.aborted;) {
      this.#isDirty = false
      this.#news = new AbortController()
      try {
        await carryOut()
        failures = 0
      } catch (error) {
        if (this.signal.aborted) return
        this.#isDirty = true
        if (++failures === 1) logger.error(`${what} cannot be followed, trying on`, { error })
        await pause(clock, backoffMs(failures, RETRY), AbortSignal.any([this.signal, this.#news.signal]))
      }
    }
  }
}
