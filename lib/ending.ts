/**
 * The end of a process, step by step: each has a name and a limit of its own, so that one that hangs or fails does not keep the others from
 * being done, and whoever ends the process can say what was left.
 */
import { monotonicClock, type Clock } from './clock.ts'
import type { Logger } from './logger.ts'
import { within } from './within.ts'

export interface EndingOptions {
  logger: Logger
  clock?: Clock
}

export class Ending {
  readonly #options: Required<EndingOptions>
  readonly #open = new Set<string>()
  #hasFailed = false

  constructor(options: EndingOptions) {
    this.#options = { clock: monotonicClock, ...options }
  }

  /** Names of what has begun and is not done, be it in time or not. */
  get unfinished(): readonly string[] {
    return [...this.#open]
  }

  /** Something threw, or was not waited for any longer. */
  get hasFailed(): boolean {
    return this.#hasFailed
  }

  /** Settles when the work has, or after the limit; never rejects. */
  async step(what: string, work: () => Promise<unknown>, withinMs: number): Promise<void> {
    const { logger, clock } = this.#options
    this.#open.add(what)
    const working = this.#run(what, work).finally(() => this.#open.delete(what))
    if (await within(clock, withinMs, working)) return
    this.#hasFailed = true
    logger.error(`expected ${what} to end within ${withinMs} ms, it has not; goes on without it`)
  }

  async #run(what: string, work: () => Promise<unknown>): Promise<void> {
    try {
      await work()
    } catch (error) {
      this.#hasFailed = true
      this.#options.logger.error(`${what} did not end cleanly`, { error })
    }
  }
}
