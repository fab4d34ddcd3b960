/** How many pods a wake-up starts. Pure. */

/** What one data plane waits for. */
export interface Demand {
  /** Requests that waited there when it last asked. */
  queued: number
  /** Pods that became ready since then, or that it did not know of: each takes `concurrency` of them. */
  readySince: number
}

export interface WakeInput {
  /** Of the data planes that asked lately, the asker among them. */
  demands: readonly Demand[]
  /** Requests one pod runs at once. */
  concurrency: number
  /** Most pods a revision of the function may have. */
  maxPods: number
  /**
   * Pods of the revision that is woken, ready and starting, promised ones included; without those that leave. Another revision's take none of
   * its calls: one that is being brought up, and may find no room for long, must not keep callers from the one that serves.
   */
  existing: number
  /** Of these, starting ones: they will take what waits now. */
  starting: number
}

/** Enough for what waits and is not provided for yet, never more than the function may have. */
export function podsToStart({ demands, concurrency, maxPods, existing, starting }: WakeInput): number {
  const unserved = demands.reduce(
    (sum, { queued, readySince }) => sum + Math.max(0, queued - readySince * concurrency),
    0,
  )
  const missing = Math.ceil(unserved / concurrency) - starting
  return Math.max(0, Math.min(missing, maxPods - existing))
}
