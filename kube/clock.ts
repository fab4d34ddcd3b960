/** Time as a dependency: tests bring their own. */
export interface Clock {
  /** Epoch milliseconds. */
  now(): number
  /** Runs once after `delayMs`; returns the cancel. */
  after(delayMs: number, run: () => void): () => void
}

/** setTimeout takes no more and fires at once when given more. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

export const systemClock: Clock = {
  now: () => Date.now(),
  after: (delayMs, run) => {
    const timer = setTimeout(run, Math.min(delayMs, LONGEST_TIMER_MS))
    return () => clearTimeout(timer)
  },
}
