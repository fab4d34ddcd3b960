/**
 * Says once that Kafka cannot be reached, and once that it then was: whoever starts before it should know why nothing comes. Looks with
 * connections of its own, which it ends when it has been answered.
 */
import { backoffMs } from '../../lib/backoff.ts'
import { monotonicClock, type Clock } from '../../lib/clock.ts'
import type { Logger } from '../../lib/logger.ts'
import { pause } from '../../lib/pause.ts'
import { askForAny } from '../ask-for-any.ts'
import type { EventLog } from '../event-log.ts'
import { errorText } from '../../lib/error-text.ts'

export interface FirstContactOptions {
  brokers: readonly string[]
  /** Closed at the end. Should not be patient: it is asked again. */
  log: Pick<EventLog, 'describe' | 'close'>
  /** What goes on and what does not while it is away, for the log. */
  meanwhile: string
  logger: Logger
  clock?: Clock
}

const RETRY = { firstMs: 500, longestMs: 5_000 }

export class FirstContact {
  readonly #options: FirstContactOptions
  readonly #stopped = new AbortController()
  readonly #looking: Promise<void>
  #made = false

  constructor(options: FirstContactOptions) {
    this.#options = options
    this.#looking = this.#look()
  }

  get made(): boolean {
    return this.#made
  }

  async stop(): Promise<void> {
    this.#stopped.abort()
    await this.#looking
  }

  async #look(): Promise<void> {
    const { log, logger, brokers, meanwhile, clock = monotonicClock } = this.#options
    const where = brokers.join(',')
    const { signal } = this.#stopped
    for (let failures = 0; !signal.aborted && !this.#made;) {
      try {
        await askForAny(log)
        this.#made = true
        if (failures > 0) logger.warn(`Kafka at ${where} answers now`)
      } catch (error) {
        if (++failures === 1 && !signal.aborted)
          logger.warn(`Kafka at ${where} cannot be reached, trying on; meanwhile ${meanwhile} (${errorText(error)})`)
        await pause(clock, backoffMs(failures, RETRY), signal)
      }
    }
    await log.close().catch((error: unknown) => logger.debug('a connection to Kafka did not end well', { error }))
  }
}
