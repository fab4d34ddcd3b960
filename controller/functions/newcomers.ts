/** Whether many new Functions come at once: a GitOps tool applies all that it knows. */

/** More than this many within ten seconds. */
const CROWD = 100
const WITHIN_MS = 10_000

export class Newcomers {
  /** Of the last ones, oldest first. */
  readonly #arrivedMs: number[] = []

  arrived(nowMs: number): void {
    this.#arrivedMs.push(nowMs)
    if (this.#arrivedMs.length > CROWD + 1) this.#arrivedMs.shift()
  }

  isCrowd(nowMs: number): boolean {
    const [first = -Infinity] = this.#arrivedMs
    return this.#arrivedMs.length > CROWD && nowMs - first < WITHIN_MS
  }
}
