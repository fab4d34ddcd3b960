// As a global it is looked up, and asked for by a getter, with every reading.
import { performance } from 'node:perf_hooks'

/** Time as a dependency: tests bring their own. */
export interface Clock {
  /** Milliseconds; since when is the clock's affair. */
  now(): number
  /** Runs once when `delayMs` are over, not a moment earlier, never inside this call; returns the cancel. */
  after(delayMs: number, run: () => void): () => void
}

/** setTimeout takes no more and fires at once when given more. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

/** Timers count whole milliseconds and may fire a part of one early: what is left then is waited for, too. */
function after(delayMs: number, run: () => void): () => void {
  const untilMs = performance.now() + delayMs
  let timer: NodeJS.Timeout
  const wait = (leftMs: number) => {
    timer = setTimeout(check, Math.min(Math.max(leftMs, 0), LONGEST_TIMER_MS))
  }
  const check = () => {
    const leftMs = untilMs - performance.now()
    if (leftMs > 0) wait(leftMs)
    else run()
  }
  wait(delayMs)
  return () => clearTimeout(timer)
}

/** Epoch milliseconds: for what is compared with times that others wrote down. */
export const wallClock: Clock = { now: () => Date.now(), after }

/** Never goes back and says nothing of the time of day: for waits and durations within one process. */
export const monotonicClock: Clock = { now: () => performance.now(), after }

/** Epoch milliseconds as they were when it was made, and what has passed since: for decisions that nobody may hold up by setting the time of day. */
export function steadyClock(): Clock {
  const originMs = Date.now() - performance.now()
  return { now: () => Math.floor(originMs + performance.now()), after }
}
