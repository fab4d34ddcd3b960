/** How much load records that wait for a function stand for. Pure. */

/** Of one subscription; in calls, of which one may take a batch. */
export interface Backlog {
  /** Those that could begin at once. */
  calls: number
  /** All that are left. */
  work: number
  /** Of recent ones; undefined before the first. */
  meanCallMs: number | undefined
}

/** The pods should suffice to work a backlog off in this time. */
const DRAIN_MS = 10_000
/** Of a function that was not called yet. */
const GUESSED_CALL_MS = 100

/**
 * `concurrency`: calls that would have to run at once, as the autoscaler counts, and no more than could; `most`: all slots that the function
 * may have. Undefined: nothing waits.
 */
export function backlogLoad(
  backlogs: Iterable<Backlog>,
  most: number,
): { queued: number; concurrency: number } | undefined {
  let calls = 0
  let concurrency = 0
  for (const { calls: now, work, meanCallMs = GUESSED_CALL_MS } of backlogs) {
    calls += now
    concurrency += Math.min(now, (work * meanCallMs) / DRAIN_MS)
  }
  return calls === 0 ? undefined : { queued: Math.min(calls, most), concurrency: Math.min(concurrency, most) }
}
