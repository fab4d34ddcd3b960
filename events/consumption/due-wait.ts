/** Entries of a retry tier that are not due yet, and the one timer that waits for the first of them. */
import type { Clock } from '../../lib/clock.ts'
import { DueQueue } from './due-queue.ts'
import type { Entry } from './entry.ts'

export interface DueWaitOptions {
  clock: Clock
  wall: Pick<Clock, 'now'>
  onDue(entries: readonly Entry[]): void
}

/** The wall clock may be set meanwhile: a wait is looked at again this often. */
const LONGEST_WAIT_MS = 30_000

export class DueWait {
  readonly #options: DueWaitOptions
  readonly #queue = new DueQueue()
  #cancel: (() => void) | undefined

  constructor(options: DueWaitOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#queue.size
  }

  push(dueMs: number, entry: Entry): void {
    this.#queue.push(dueMs, entry)
  }

  /** Hands out what is due and waits for the next. Never early. */
  check(): void {
    const { clock, wall } = this.#options
    const nowMs = wall.now()
    const due: Entry[] = []
    for (let next = this.#queue.shift(nowMs); next !== undefined; next = this.#queue.shift(nowMs)) due.push(next)
    this.#cancel?.()
    const dueMs = this.#queue.nextDueMs
    if (dueMs !== undefined) {
      this.#cancel = clock.after(Math.min(LONGEST_WAIT_MS, Math.ceil(dueMs - nowMs)), () => this.check())
    }
    if (due.length > 0) this.#options.onDue(due)
  }

  stop(): void {
    this.#cancel?.()
  }
}
