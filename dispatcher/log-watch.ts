/**
 * Whether the event log answers. A dispatcher goes on and stays ready while it does not: nobody would be helped by another one. So it is
 * asked every 15 s, for metrics and the log, and once more by whoever wants to know now.
 */
import type { EventLogInfo } from '../api/events-api.ts'
import { askForAny } from '../events/ask-for-any.ts'
import type { EventLog } from '../events/event-log.ts'
import type { Clock } from '../lib/clock.ts'
import { errorText } from '../lib/error-text.ts'
import type { Logger } from '../lib/logger.ts'
import type { Metrics } from '../lib/metrics.ts'
import { within } from '../lib/within.ts'

export interface LogWatchOptions {
  log: Pick<EventLog, 'describe'>
  clock: Clock
  logger: Logger
  metrics: Metrics
}

const EVERY_MS = 15_000
/** Less than whoever asks waits. */
const LIMIT_MS = 3_000

export class LogWatch {
  readonly #options: LogWatchOptions
  #isReachable = false
  #isStopped = false
  #cancel: (() => void) | undefined

  constructor(options: LogWatchOptions) {
    this.#options = options
    options.metrics.gauge({
      name: 'dormouse_dispatcher_event_log_available',
      help: '1 while the event log answered when it was last asked, every 15 s.',
      collect: (gauge) => gauge.set(Number(this.#isReachable)),
    })
  }

  start(): void {
    void this.#watch()
  }

  stop(): void {
    this.#isStopped = true
    this.#cancel?.()
  }

  /** Never rejects; takes 3 s at most. */
  async look(): Promise<EventLogInfo> {
    const { log, clock } = this.#options
    try {
      if (await within(clock, LIMIT_MS, askForAny(log))) return { reachable: true }
      return { reachable: false, message: `no answer within ${LIMIT_MS / 1000} s` }
    } catch (error) {
      return { reachable: false, message: errorText(error) }
    }
  }

  async #watch(): Promise<void> {
    const info = await this.look()
    if (this.#isStopped) return
    this.#tell(info)
    this.#isReachable = info.reachable
    this.#cancel = this.#options.clock.after(EVERY_MS, () => void this.#watch())
  }

  /** Until it has answered once its opener tells of it. */
  #tell(info: EventLogInfo): void {
    const { logger } = this.#options
    if (!info.reachable && this.#isReachable)
      logger.warn('the event log does not answer: events wait in it', { why: info.message })
    if (info.reachable && !this.#isReachable) logger.info('the event log answers')
  }
}
