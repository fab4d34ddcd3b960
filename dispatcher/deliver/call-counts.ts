/** Calls that run or wait for a slot, by function. */
export interface Calls {
  count: number
}

export class CallCounts {
  readonly #calls = new Map<string, Calls>()

  of(key: string): number {
    return this.#calls.get(key)?.count ?? 0
  }

  /** One more. What it returns is for `ended`: looked up once, not with every step of a call. */
  begun(key: string): Calls {
    const known = this.#calls.get(key)
    if (known !== undefined) {
      known.count++
      return known
    }
    const calls = { count: 1 }
    this.#calls.set(key, calls)
    return calls
  }

  ended(key: string, calls: Calls): void {
    if (--calls.count === 0) this.#calls.delete(key)
  }
}
