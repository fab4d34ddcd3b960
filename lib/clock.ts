/** Time as a dependency: tests bring their own. */
export interface Clock {
  /** Milliseconds; since when is the clock's affair. */
  now(): number
  /** Runs once after `delayMs`, never inside this call; returns the cancel. */
  after(delayMs: number, run: () => void): () => void
}

/** setTimeout takes no more and fires at once when given more. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

function after(delayMs: number, run: () => void): () => void {
  const timer = setTimeout(run, Math.min(Math.max(delayMs, 0), LONGEST_TIMER_MS))
  return () => clearTimeout(timer)
}

/** Epoch milliseconds: for what is compared with times that others wrote down. */
export const wallClock: Clock = { now: () => Date.now(), after }

/** Never goes back and says nothing of the time of day: for waits and durations within one process. */
export const monotonicClock: Clock = { now: () => performance.now(), after }
