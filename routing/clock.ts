/** Time as routing sees it; injected so that tests own it. */
export interface Clock {
  /** Monotonic milliseconds, not the time of day. */
  now(): number
  /** Returns the cancel. */
  after(delayMs: number, run: () => void): () => void
}

export const systemClock: Clock = {
  now: () => performance.now(),
  after: (delayMs, run) => {
    const handle = setTimeout(run, delayMs > 0 ? delayMs : 0)
    return () => clearTimeout(handle)
  },
}
