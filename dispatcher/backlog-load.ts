/** How much load records that wait for a function stand for. Pure. */

export interface Backlog {
  /** Due and not running. */
  due: number
  /** Of recent calls; undefined before the first. */
  meanCallMs: number | undefined
}

/** The pods should suffice to work a backlog off in this time. */
const DRAIN_MS = 10_000
/** Of a function that was not called yet. */
const GUESSED_CALL_MS = 100

/** `concurrency`: calls that would have to run at once, as the autoscaler counts; `most`: all slots that the function may have. */
export function backlogLoad(
  { due, meanCallMs = GUESSED_CALL_MS }: Backlog,
  most: number,
): { queued: number; concurrency: number } {
  return { queued: Math.min(due, most), concurrency: Math.min(most, (due * meanCallMs) / DRAIN_MS) }
}
