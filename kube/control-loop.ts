import type { Backoff } from '../lib/backoff.ts'
import { wallClock, type Clock } from '../lib/clock.ts'
import type { LogFields, Logger } from '../lib/logger.ts'
import { within } from '../lib/within.ts'
import { isNamespaceEnding } from './errors.ts'
import { WorkQueue } from './work-queue.ts'

/**
 * What a reconcile says of its key. `done`: wait for a change. `requeueAfter`: look again then, changes or not. `stale`: an object has moved on
 * under our hands and its cache entry is on the way: look again in a moment, with growing waits while it is still the old one.
 * `error`: try again with growing waits; throwing means the same. `terminal`: trying again is useless until something changes.
 */
export type Outcome =
  | { kind: 'done' }
  | { kind: 'requeueAfter'; delayMs: number }
  | { kind: 'stale' }
  | { kind: 'error'; error: unknown }
  | { kind: 'terminal'; error: unknown }

export const done: Outcome = { kind: 'done' }
export const requeueAfter = (delayMs: number): Outcome => ({ kind: 'requeueAfter', delayMs })
export const stale: Outcome = { kind: 'stale' }
export const terminal = (error: unknown): Outcome => ({ kind: 'terminal', error })

/** Where the numbers go; called synchronously, must not throw. */
export interface ControlLoopMetrics {
  reconciled(outcome: Outcome['kind'], durationMs: number): void
  /** Keys waiting, whenever their number changes. */
  depth(keys: number): void
}

export interface ControlLoopOptions {
  /** For logs: what is reconciled. */
  name: string
  /** Brings the world of one key to what it should be. `signal` aborts when the loop stops. */
  reconcile: (key: string, signal: AbortSignal) => Promise<Outcome>
  logger: Logger
  /** Keys worked on at the same time; one key never twice. */
  concurrency?: number
  backoff?: Backoff
  metrics?: ControlLoopMetrics
  clock?: Clock
  /** How long `stop` waits for reconciles that ignore their signal. */
  stopTimeoutMs?: number
}

const DEFAULT_STOP_TIMEOUT_MS = 5_000
/** What is in a namespace that is being deleted is about to go; only whoever keeps it by a finalizer makes it last. */
const ENDING_RETRY_MS = 30_000
/** A watch is milliseconds behind, or minutes when its connection has died without a word. */
const STALE_BACKOFF: Backoff = { firstMs: 20, longestMs: 5_000 }

/** The caller starts and stops it. */
export function createControlLoop(options: ControlLoopOptions): ControlLoop {
  return new ControlLoop(options)
}

/** Runs reconcile for keys that changed. Keys may be added before `start`; a loop that was stopped is not started again. */
export class ControlLoop {
  readonly #options: ControlLoopOptions
  readonly #clock: Clock
  readonly #queue: WorkQueue
  readonly #abort = new AbortController()
  #workers: Promise<void>[] = []
  #stopping: Promise<void> | undefined

  constructor(options: ControlLoopOptions) {
    const { clock = wallClock, backoff, metrics } = options
    this.#options = options
    this.#clock = clock
    this.#queue = new WorkQueue({ clock, onLength: (keys) => metrics?.depth(keys), ...(backoff && { backoff }) })
  }

  add(key: string): void {
    this.#queue.add(key)
  }

  addAfter(key: string, delayMs: number): void {
    this.#queue.addAfter(key, delayMs)
  }

  start(): void {
    if (this.#workers.length > 0 || this.#abort.signal.aborted) return
    this.#workers = Array.from({ length: this.#options.concurrency ?? 1 }, () => this.#work())
  }

  /**
   * Aborts what runs and settles when it has ended, or after `stopTimeoutMs`. Keys that wait are dropped: whoever starts next
   * looks at everything anyway.
   */
  stop(): Promise<void> {
    this.#stopping ??= this.#end()
    return this.#stopping
  }

  async #end(): Promise<void> {
    this.#abort.abort(new Error(`the control loop ${this.#options.name} stops`))
    this.#queue.shutDown()
    const { name, logger, stopTimeoutMs = DEFAULT_STOP_TIMEOUT_MS } = this.#options
    const hasEnded = await within(this.#clock, stopTimeoutMs, Promise.all(this.#workers))
    if (!hasEnded) logger.warn('a reconcile did not end when told to stop', { loop: name, stopTimeoutMs })
  }

  async #work(): Promise<void> {
    for (let key = await this.#queue.get(); key !== undefined; key = await this.#queue.get()) {
      if (!this.#abort.signal.aborted) await this.#reconcile(key)
      this.#queue.done(key)
    }
  }

  async #reconcile(key: string): Promise<void> {
    const startedMs = this.#clock.now()
    const outcome = await this.#outcomeOf(key)
    this.#options.metrics?.reconciled(outcome.kind, this.#clock.now() - startedMs)
    this.#follow(key, outcome)
  }

  async #outcomeOf(key: string): Promise<Outcome> {
    try {
      return await this.#options.reconcile(key, this.#abort.signal)
    } catch (error) {
      // What a stopping loop interrupted has not failed.
      if (this.#abort.signal.aborted) return done
      if (!isNamespaceEnding(error)) return { kind: 'error', error }
      this.#options.logger.debug('reconcile waits for the end of its namespace', this.#fields(key, error))
      return requeueAfter(ENDING_RETRY_MS)
    }
  }

  #follow(key: string, outcome: Outcome): void {
    if (outcome.kind === 'error') {
      this.#queue.addRateLimited(key)
      return this.#options.logger.warn('reconcile failed, will be tried again', this.#fields(key, outcome.error))
    }
    if (outcome.kind === 'stale') return this.#queue.addRateLimited(key, STALE_BACKOFF)
    this.#queue.forget(key)
    if (outcome.kind === 'requeueAfter') this.#queue.addAfter(key, outcome.delayMs)
    if (outcome.kind !== 'terminal') return
    this.#options.logger.error('reconcile failed, waits for a change', this.#fields(key, outcome.error))
  }

  #fields(key: string, error: unknown): LogFields {
    return { loop: this.#options.name, key, error, failures: this.#queue.failures(key) }
  }
}
