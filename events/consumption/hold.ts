/**
 * Back-pressure of one subscription. While its function cannot run, or its circuit is open, nothing new starts; when the wait is over one
 * record tries, and only when that reached the function do the others follow. None of this costs a record an attempt.
 */
import type { Clock } from '../../lib/clock.ts'

export interface HoldOptions {
  clock: Clock
  /** A record may start again. */
  onOpen(): void
}

/** A probe that runs this long has reached its function, which is slow: the others need not wait for its end. */
const PROBE_MS = 10_000

export class Hold {
  readonly #options: HoldOptions
  #state: 'open' | 'held' | 'probe' | 'probing' = 'open'
  #reason: string | undefined
  #untilMs = 0
  #cancel: (() => void) | undefined

  constructor(options: HoldOptions) {
    this.#options = options
  }

  /** Why nothing starts; undefined while everything may. */
  get reason(): string | undefined {
    return this.#reason
  }

  get mayStart(): boolean {
    return this.#state === 'open' || this.#state === 'probe'
  }

  /** Call when something starts. True: it is the probe, and how it went must be told. `mustEnd`: until then nothing else starts. */
  begin(mustEnd: boolean): boolean {
    if (this.#state !== 'probe') return false
    this.#state = 'probing'
    if (!mustEnd) this.#cancel = this.#options.clock.after(PROBE_MS, () => this.probeSucceeded())
    return true
  }

  /** A later, shorter wait does not shorten the first. */
  hold(reason: string, waitMs: number): void {
    const { clock } = this.#options
    const untilMs = clock.now() + waitMs
    if (this.#state === 'held' && untilMs <= this.#untilMs) return
    this.#state = 'held'
    this.#reason = reason
    this.#untilMs = untilMs
    this.#cancel?.()
    this.#cancel = clock.after(waitMs, () => {
      this.#state = 'probe'
      this.#options.onOpen()
    })
  }

  /** The probe reached the function; not when it was held again. */
  probeSucceeded(): void {
    if (this.#state !== 'probing') return
    this.#cancel?.()
    this.#state = 'open'
    this.#reason = undefined
    this.#options.onOpen()
  }

  /** The probe's record is gone without having been tried (its partition was revoked): the next one may probe. */
  probeLost(): void {
    if (this.#state !== 'probing') return
    this.#cancel?.()
    this.#state = 'probe'
    this.#options.onOpen()
  }

  stop(): void {
    this.#cancel?.()
  }
}
