/** Time-weighted mean of a level that goes up and down, computed as it moves: no samples, no timer. */
export class LoadMeter {
  #level = 0
  #area = 0
  #sinceMs: number
  #windowStartMs: number

  constructor(nowMs: number) {
    this.#sinceMs = this.#windowStartMs = nowMs
  }

  get level(): number {
    return this.#level
  }

  add(delta: number, nowMs: number): void {
    this.#area += this.#level * (nowMs - this.#sinceMs)
    this.#sinceMs = nowMs
    this.#level += delta
  }

  /** Mean since the last take; starts the next window. */
  take(nowMs: number): number {
    this.add(0, nowMs)
    const lengthMs = nowMs - this.#windowStartMs
    const mean = lengthMs > 0 ? this.#area / lengthMs : this.#level
    this.#area = 0
    this.#windowStartMs = nowMs
    return mean
  }
}
