/** Entries of a retry tier that are not due yet, and the one timer that waits for the first of them. */
import type { Clock } from '../../lib/clock.ts'
import { DueQueue } from './due-queue.ts'
import type { Entry } from './entry.ts'

export interface DueWaitOptions {
  clock: Clock
  wall: Pick<Clock, 'now'>
  /** The tier's delay: whatever the wall clock says, nothing of it can have longer to wait when it is read. */
  delayMs: number
  onDue(entries: readonly Entry[]): void
}

/** The wall clock may be set meanwhile: a wait is looked at again this often. */
const LONGEST_WAIT_MS = 30_000
/** Clocks of several machines, and one that is slewed, differ by that much without anybody having set them. */
const SLACK = { factor: 1.01, ms: 1_000 }

export class DueWait {
  readonly #options: DueWaitOptions
  #queue = new DueQueue()
  /** As they came, until when each may wait at most by the clock that is never set: these times rise. */
  readonly #waiting = new Map<Entry, number>()
  #cancel: (() => void) | undefined

  constructor(options: DueWaitOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#waiting.size
  }

  push(dueMs: number, entry: Entry): void {
    const { clock, delayMs } = this.#options
    this.#queue.push(dueMs, entry)
    this.#waiting.set(entry, clock.now() + delayMs * SLACK.factor + SLACK.ms)
  }

  /** Hands out what is due and waits for the next. Never early, and never much later than the delay when the wall clock is set back. */
  check(): void {
    const { clock, wall } = this.#options
    const nowMs = wall.now()
    const due: Entry[] = []
    for (let next = this.#queue.shift(nowMs); next !== undefined; next = this.#queue.shift(nowMs)) {
      if (this.#waiting.delete(next)) due.push(next)
    }
    const latestMs = this.#takeLatest(due)
    this.#cancel?.()
    // Those that were let out before they were due stand in it still.
    if (this.#waiting.size === 0) this.#queue = new DueQueue()
    const dueMs = this.#queue.nextDueMs
    if (dueMs !== undefined && latestMs !== undefined) {
      const waitMs = Math.min(Math.max(1, Math.ceil(dueMs - nowMs)), latestMs - clock.now(), LONGEST_WAIT_MS)
      this.#cancel = clock.after(waitMs, () => this.check())
    }
    if (due.length > 0) this.#options.onDue(due)
  }

  stop(): void {
    this.#cancel?.()
  }

  /** Takes what has waited as long as it may; returns until when the next one may. Undefined: nothing waits. */
  #takeLatest(due: Entry[]): number | undefined {
    const nowMs = this.#options.clock.now()
    for (const [entry, latestMs] of this.#waiting) {
      if (latestMs > nowMs) return latestMs
      this.#waiting.delete(entry)
      due.push(entry)
    }
    return undefined
  }
}
