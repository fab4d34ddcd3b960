/** The calls of one partition that run, and the records in them. */
export class Running {
  #calls = 0
  #records = 0
  #whenIdle: (() => void) | undefined

  get calls(): number {
    return this.#calls
  }

  get records(): number {
    return this.#records
  }

  begin(records: number): void {
    this.#calls++
    this.#records += records
  }

  end(records: number): void {
    this.#calls--
    this.#records -= records
    if (this.#calls === 0) this.#whenIdle?.()
  }

  /** Settles when none runs. Call once nothing starts any more. */
  async idle(): Promise<void> {
    if (this.#calls > 0) await new Promise<void>((resolve) => (this.#whenIdle = resolve))
  }
}
