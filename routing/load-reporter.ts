/**
 * Tells every controller replica once a second what runs and waits here; where nothing does and nothing has changed, every third second. A report
 * that cannot be delivered is dropped: the next is newer.
 */
import { isDeepStrictEqual } from 'node:util'
import type { LoadReport } from '../api/protocol.ts'
import type { Clock } from '../lib/clock.ts'
import type { Logger } from '../lib/logger.ts'
import type { ControllerClient } from './controller-client.ts'

export interface LoadReporterOptions {
  controllers: Pick<ControllerClient, 'urls' | 'post'>
  clock: Clock
  logger: Logger
  intervalMs?: number
  /** Builds the next report; starts a new window of means. */
  report(): LoadReport
}

/** As many reports that say nothing new are sent as ever, for whoever waits for one; then one of as many. Controllers hold a report for fresh for 5 s. */
const QUIET_TICKS = 3

export class LoadReporter {
  readonly #options: LoadReporterOptions
  readonly #failing = new Set<string>()
  readonly #sending = new Set<string>()
  readonly #stopped = new AbortController()
  #timer: (() => void) | undefined
  #last: LoadReport | undefined
  /** Reports in a row that said that nothing runs, and nothing else than the one before. */
  #quiet = 0

  constructor(options: LoadReporterOptions) {
    this.#options = options
  }

  start(): void {
    const { clock, intervalMs = 1_000 } = this.#options
    this.#timer = clock.after(intervalMs, () => {
      this.start()
      this.#tick(intervalMs)
    })
  }

  stop(): void {
    this.#timer?.()
    this.#stopped.abort()
  }

  #tick(intervalMs: number): void {
    const report = this.#options.report()
    if (this.#isNothingNew(report)) return
    const { urls } = this.#options.controllers
    for (const url of this.#failing) if (!urls.includes(url)) this.#failing.delete(url)
    for (const url of urls) {
      if (!this.#sending.has(url)) void this.#send(url, report, intervalMs)
    }
  }

  #isNothingNew(report: LoadReport): boolean {
    const isQuiet = report.functions.length === 0 && isDeepStrictEqual(report, this.#last)
    this.#quiet = isQuiet ? this.#quiet + 1 : 0
    this.#last = report
    return this.#quiet > QUIET_TICKS && this.#quiet % QUIET_TICKS !== 0
  }

  async #send(url: string, report: LoadReport, intervalMs: number): Promise<void> {
    this.#sending.add(url)
    try {
      const options = { body: report, timeoutMs: 2 * intervalMs, signal: this.#stopped.signal }
      await this.#options.controllers.post(url, '/v1/load', options)
      if (this.#failing.delete(url)) this.#options.logger.info('load reports arrive again', { controller: url })
    } catch (error) {
      this.#failed(url, error)
    } finally {
      this.#sending.delete(url)
    }
  }

  /** One line per outage, not one per second. */
  #failed(url: string, error: unknown): void {
    if (this.#stopped.signal.aborted || this.#failing.has(url)) return
    this.#failing.add(url)
    this.#options.logger.warn('load report failed', { controller: url, error })
  }
}
