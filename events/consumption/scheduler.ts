/**
 * Who may call a function next: bounds the calls in flight by what the function can take, and lets the partitions and subscriptions that
 * have something for it take turns.
 */
import { LinkedList, ListNode } from '../../lib/linked-list.ts'
import type { Deliverer } from '../delivery.ts'

/** Something that has records for one function. */
export abstract class Contender extends ListNode {
  /** Starts one call if there is one to start. It tells `finished` when that has ended. */
  abstract startNext(): boolean
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
    if (contender.list === undefined) line.waiting.push(contender)
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
    this.#lines.get(functionKey)?.waiting.remove(contender)
  }

  /** Functions may take more than before. */
  capacityChanged(): void {
    for (const [functionKey, line] of this.#lines) this.#pump(functionKey, line)
  }

  #pump(functionKey: string, line: Line): void {
    // A call that ends within startNext comes back here: one loop is enough.
    if (line.isPumping) return
    line.isPumping = true
    // Calls that start here are ours: what others leave is the same before and after.
    const capacity = line.waiting.size === 0 ? 0 : Math.max(1, this.#deliverer.capacity(functionKey))
    while (line.inFlight < capacity) {
      const contender = line.waiting.shift()
      if (contender === undefined) break
      line.inFlight++
      if (!contender.startNext()) line.inFlight--
      // It may have offered itself meanwhile.
      else if (contender.list === undefined) line.waiting.push(contender)
    }
    line.isPumping = false
  }

  #lineOf(functionKey: string): Line {
    const known = this.#lines.get(functionKey)
    if (known !== undefined) return known
    const line: Line = { inFlight: 0, waiting: new LinkedList(), isPumping: false }
    this.#lines.set(functionKey, line)
    return line
  }
}

interface Line {
  inFlight: number
  /** In the order in which they may start. */
  waiting: LinkedList<Contender>
  isPumping: boolean
}
