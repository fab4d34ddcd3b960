import type { Clock } from '../../lib/clock.ts'

/** A clock that stands still until told; timers of one moment run in the order they were set. */
export class FakeClock implements Clock {
  #nowMs: number
  #timers: { dueMs: number; run: () => void }[] = []

  constructor(nowMs = Date.parse('2026-01-01T00:00:00Z')) {
    this.#nowMs = nowMs
  }

  /** Timers not yet run nor cancelled. */
  get pending(): number {
    return this.#timers.length
  }

  now = (): number => this.#nowMs

  after = (delayMs: number, run: () => void): (() => void) => {
    const timer = { dueMs: this.#nowMs + delayMs, run }
    this.#timers.push(timer)
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer)
    }
  }

  advance(byMs: number): void {
    const untilMs = this.#nowMs + byMs
    for (let next = this.#next(untilMs); next; next = this.#next(untilMs)) {
      this.#nowMs = next.dueMs
      this.#timers = this.#timers.filter((other) => other !== next)
      next.run()
    }
    this.#nowMs = untilMs
  }

  /** The time of day is set anew: what waits has as long to wait as before. */
  jump(byMs: number): void {
    this.#nowMs += byMs
    for (const timer of this.#timers) timer.dueMs += byMs
  }

  #next(untilMs: number): { dueMs: number; run: () => void } | undefined {
    return this.#timers.filter(({ dueMs }) => dueMs <= untilMs).sort((a, b) => a.dueMs - b.dueMs)[0]
  }
}
