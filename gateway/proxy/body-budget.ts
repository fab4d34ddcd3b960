/**
 * What bodies that are held whole may take of this process's memory, all together: the limit of one body bounds a request, this bounds the
 * gateway. Whoever holds says so before it does.
 */
import { ProblemError } from '../../routing/problems.ts'

export class BodyBudget {
  readonly #limitBytes: number
  #usedBytes = 0

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes
  }

  get usedBytes(): number {
    return this.#usedBytes
  }

  hold(): BodyHold {
    return new BodyHold(this)
  }

  /** For so much more. One body alone always has room. */
  hasRoom(bytes: number): boolean {
    return this.#usedBytes === 0 || this.#usedBytes + bytes <= this.#limitBytes
  }

  /** False: there is no room for it. */
  take(bytes: number): boolean {
    if (!this.hasRoom(bytes)) return false
    this.#usedBytes += bytes
    return true
  }

  giveBack(bytes: number): void {
    this.#usedBytes -= bytes
  }
}

/** One request's part. */
export class BodyHold {
  readonly #budget: BodyBudget
  #bytes = 0
  #isOver = false

  constructor(budget: BodyBudget) {
    this.#budget = budget
  }

  /** False: nothing was taken, and what comes cannot be held. */
  grow(bytes: number): boolean {
    if (this.#isOver || !this.#budget.take(bytes)) return false
    this.#bytes += bytes
    return true
  }

  end(): void {
    this.#isOver = true
    this.#budget.giveBack(this.#bytes)
    this.#bytes = 0
  }
}

export function noRoom(): ProblemError {
  return new ProblemError('overloaded', 'the bodies of requests that wait or run take all the memory there is for them')
}
