import { backoffMs, type Backoff } from '../lib/backoff.ts'
import { wallClock, type Clock } from '../lib/clock.ts'

export interface WorkQueueOptions {
  clock?: Clock
  backoff?: Backoff
  /** Called with `length` whenever it changes; must not throw. */
  onLength?: (length: number) => void
}

const DEFAULT_BACKOFF: Backoff = { firstMs: 5, longestMs: 60_000 }

/**
 * Keys to work on, with client-go's semantics: a key waits at most once, is never handed out twice at once, and is handed out again
 * when it was added while in work. After shutDown nothing new enters; what waits is still handed out, delayed keys are dropped.
 */
export class WorkQueue {
  readonly #clock: Clock
  readonly #backoff: Backoff
  readonly #onLength: (length: number) => void
  /** Handed out in order of insertion; keys in work are not in here. */
  readonly #waiting = new Set<string>()
  readonly #inWork = new Set<string>()
  /** Added while in work. */
  readonly #changedMeanwhile = new Set<string>()
  readonly #delayed = new Map<string, { dueMs: number; cancel: () => void }>()
  readonly #failures = new Map<string, number>()
  #takers: ((key: string | undefined) => void)[] = []
  #drained: (() => void)[] = []
  #isShutDown = false

  constructor({ clock = wallClock, backoff = DEFAULT_BACKOFF, onLength }: WorkQueueOptions = {}) {
    this.#onLength = onLength ?? (() => undefined)
    this.#clock = clock
    this.#backoff = backoff
  }

  /** Keys that wait to be handed out; neither delayed ones nor those in work. */
  get length(): number {
    return this.#waiting.size
  }

  add(key: string): void {
    if (!this.#isShutDown) this.#enter(key)
  }

  /** Adds the key later; of several delays of one key the earliest counts. */
  addAfter(key: string, delayMs: number): void {
    if (this.#isShutDown) return
    if (!(delayMs > 0)) return this.add(key)
    const dueMs = this.#clock.now() + delayMs
    const earlier = this.#delayed.get(key)
    if (earlier && earlier.dueMs <= dueMs) return
    earlier?.cancel()
    const cancel = this.#clock.after(delayMs, () => {
      this.#delayed.delete(key)
      this.add(key)
    })
    this.#delayed.set(key, { dueMs, cancel })
  }

  /** Adds the key after a wait that doubles with each call, until `forget`. */
  addRateLimited(key: string, backoff = this.#backoff): void {
    const failures = this.failures(key) + 1
    this.#failures.set(key, failures)
    this.addAfter(key, backoffMs(failures, backoff))
  }

  /** The next failure of this key is its first. */
  forget(key: string): void {
    this.#failures.delete(key)
  }

  /** Calls of addRateLimited since the last forget. */
  failures(key: string): number {
    return this.#failures.get(key) ?? 0
  }

  /** The next key, when there is one; `done` must follow. Undefined = shut down and nothing waits. */
  get(): Promise<string | undefined> {
    const [key] = this.#waiting
    if (key === undefined && !this.#isShutDown) return new Promise((resolve) => this.#takers.push(resolve))
    if (key !== undefined) this.#handOut(key)
    return Promise.resolve(key)
  }

  /** Ends the work on a key that `get` gave. */
  done(key: string): void {
    if (!this.#inWork.delete(key)) return
    if (this.#changedMeanwhile.delete(key)) this.#enter(key)
    this.#releaseDrained()
  }

  shutDown(): void {
    this.#isShutDown = true
    for (const { cancel } of this.#delayed.values()) cancel()
    this.#delayed.clear()
    const takers = this.#takers
    this.#takers = []
    for (const take of takers) take(undefined)
  }

  /** shutDown, and settles when everything that waited or was in work is done. */
  shutDownWithDrain(): Promise<void> {
    this.shutDown()
    return new Promise((resolve) => {
      this.#drained.push(resolve)
      this.#releaseDrained()
    })
  }

  #enter(key: string): void {
    if (this.#inWork.has(key)) {
      this.#changedMeanwhile.add(key)
      return
    }
    if (this.#waiting.has(key)) return
    this.#waiting.add(key)
    this.#onLength(this.length)
    const take = this.#takers.shift()
    if (!take) return
    this.#handOut(key)
    take(key)
  }

  #handOut(key: string): void {
    this.#waiting.delete(key)
    this.#inWork.add(key)
    this.#onLength(this.length)
  }

  #releaseDrained(): void {
    if (this.#inWork.size + this.#waiting.size > 0) return
    const drained = this.#drained
    this.#drained = []
    for (const resolve of drained) resolve()
  }
}
