/**
 * Who may call a function next: bounds the calls in flight by what the function can take, and lets the partitions and subscriptions that
 * have something for it take turns.
 */
import type { Deliverer } from '../delivery.ts'

/** Something that has records for a function. */
export interface Contender {
  /** Starts one call if there is one to start. It tells `finished` when that has ended. */
  startNext(): boolean
}

export class Scheduler {
  readonly #deliverer: Pick<Deliverer, 'capacity'>
  readonly #lines = new Map<string, Line>()

  constructor(deliverer: Pick<Deliverer, 'capacity'>) {
    this.#deliverer = deliverer
  }

  inFlight(functionKey: string): number {
    return this.#lines.get(functionKey)?.inFlight ?? 0
  }

  /** `contender` may have something to start. */
  offer(functionKey: string, contender: Contender): void {
    const line = this.#lineOf(functionKey)
    line.waiting.add(contender)
    this.#pump(functionKey, line)
  }

  finished(functionKey: string): void {
    const line = this.#lines.get(functionKey)
    if (line === undefined) return
    line.inFlight--
    this.#pump(functionKey, line)
    if (line.inFlight === 0 && line.waiting.size === 0) this.#lines.delete(functionKey)
  }

  forget(functionKey: string, contender: Contender): void {
    this.#lines.get(functionKey)?.waiting.delete(contender)
  }

  /** Functions may take more than before. */
  capacityChanged(): void {
    for (const [functionKey, line] of this.#lines) this.#pump(functionKey, line)
  }

  #pump(functionKey: string, line: Line): void {
    // A call that ends within startNext comes back here: one loop is enough.
    if (line.isPumping) return
    line.isPumping = true
    while (line.waiting.size > 0 && line.inFlight < Math.max(1, this.#deliverer.capacity(functionKey))) {
      const [contender] = line.waiting
      if (contender === undefined) break
      line.waiting.delete(contender)
      line.inFlight++
      if (contender.startNext()) line.waiting.add(contender)
      else line.inFlight--
    }
    line.isPumping = false
  }

  #lineOf(functionKey: string): Line {
    const known = this.#lines.get(functionKey)
    if (known !== undefined) return known
    const line: Line = { inFlight: 0, waiting: new Set(), isPumping: false }
    this.#lines.set(functionKey, line)
    return line
  }
}

interface Line {
  inFlight: number
  /** In the order in which they may start. */
  waiting: Set<Contender>
  isPumping: boolean
}
