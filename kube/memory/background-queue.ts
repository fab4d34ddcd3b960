/** Everything a memory cluster does after a write has returned: first in, first out, never inside the call that caused it. */
export class BackgroundQueue {
  readonly #schedule: (run: () => void) => void
  readonly #onError: (error: unknown) => void
  #tasks: (() => void)[] = []
  #waiting: (() => void)[] = []
  #running = false

  constructor(schedule: (run: () => void) => void, onError: (error: unknown) => void) {
    this.#schedule = schedule
    this.#onError = onError
  }

  push(task: () => void): void {
    this.#tasks.push(task)
    this.#wake()
  }

  /** Resolves when nothing is left to do, including what tasks pushed meanwhile. */
  settled(): Promise<void> {
    if (!this.#running) return Promise.resolve()
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  #wake(): void {
    if (this.#running) return
    this.#running = true
    this.#schedule(() => this.#drain())
  }

  // One batch per turn: handlers that write in answer to every event cannot keep the event loop from its I/O.
  #drain(): void {
    const batch = this.#tasks
    this.#tasks = []
    for (const task of batch) this.#run(task)
    this.#running = false
    if (this.#tasks.length > 0) return this.#wake()
    const waiting = this.#waiting
    this.#waiting = []
    for (const resolve of waiting) resolve()
  }

  #run(task: () => void): void {
    try {
      task()
    } catch (error) {
      this.#onError(error)
    }
  }
}
