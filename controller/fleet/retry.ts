import { backoffMs } from '../../lib/backoff.ts'
import type { Clock } from '../../lib/clock.ts'
import { pause } from '../../lib/pause.ts'

const BACKOFF = { firstMs: 100, longestMs: 10_000 }

export interface RetryOptions {
  clock: Clock
  /** Ends the tries; a try that runs is not interrupted. */
  signal: AbortSignal
  /** Told of every failure; false = do not try again. */
  failed: (error: unknown) => boolean
}

/** Runs a write until it succeeds, doubling the wait from 0.1 s to 10 s. Resolves, never rejects: whether it was done is asked of the API. */
export async function retry(write: () => Promise<unknown>, { clock, signal, failed }: RetryOptions): Promise<void> {
  for (let failures = 1; !signal.aborted; failures += 1) {
    try {
      await write()
      return
    } catch (error) {
      if (!failed(error)) return
    }
    await pause(clock, backoffMs(failures, BACKOFF), signal)
  }
}
