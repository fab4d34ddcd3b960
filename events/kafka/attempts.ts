/** Asking a cluster again while it may still answer. */
import type { Clock } from '../../lib/clock.ts'
import { backoffMs } from '../../lib/backoff.ts'
import { pause } from '../../lib/pause.ts'
import { mayRetry, toLogError } from './error-codes.ts'

export interface AttemptOptions {
  clock: Clock
  /** Then it counts as unavailable. */
  timeoutMs: number
  /** After a failure that may pass. */
  beforeRetry?(): Promise<void>
  signal?: AbortSignal
  /** Before the second attempt; default 50. */
  firstMs?: number
}

const BACKOFF = { firstMs: 50, longestMs: 1_000 }

/** Throws EventLogError. `what` begins its message. */
export async function attempt<T>(what: string, action: () => Promise<T>, options: AttemptOptions): Promise<T> {
  const { clock, timeoutMs, signal, firstMs = BACKOFF.firstMs } = options
  const untilMs = clock.now() + timeoutMs
  for (let failures = 1; ; failures++) {
    try {
      return await action()
    } catch (error) {
      const waitMs = backoffMs(failures, { ...BACKOFF, firstMs })
      if (!mayRetry(error) || clock.now() + waitMs > untilMs) throw toLogError(error, what)
      await pause(clock, waitMs, signal)
      if (signal?.aborted === true) throw toLogError(error, what)
      await options.beforeRetry?.().catch(() => undefined)
    }
  }
}
