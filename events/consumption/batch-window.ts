/** How long the first records of a batch wait for others. */
import type { Clock } from '../../lib/clock.ts'

export class BatchWindow {
  readonly #clock: Clock
  readonly #onOver: () => void
  #cancel: (() => void) | undefined
  #isOver = false

  constructor(clock: Clock, onOver: () => void) {
    this.#clock = clock
    this.#onOver = onOver
  }

  /** They have waited long enough; until something starts. */
  get isOver(): boolean {
    return this.#isOver
  }

  /** Unless it has begun. */
  begin(windowMs: number): void {
    this.#cancel ??= this.#clock.after(windowMs, () => {
      this.#cancel = undefined
      this.#isOver = true
      this.#onOver()
    })
  }

  started(): void {
    this.#isOver = false
  }

  stop(): void {
    this.#cancel?.()
  }
}
