/** Time as routing sees it; injected so that tests own it. Monotonic milliseconds, not the time of day. */
export interface Clock {
  nowMs(): number
  setTimer(run: () => void, delayMs: number): Timer
}

export interface Timer {
  cancel(): void
}

export const systemClock: Clock = {
  nowMs: () => performance.now(),
  setTimer: (run, delayMs) => {
    const handle = setTimeout(run, Math.max(0, delayMs))
    return { cancel: () => clearTimeout(handle) }
  },
}
