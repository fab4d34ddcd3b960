import type { Clock } from './clock.ts'
import { pause } from './pause.ts'

/** Waits for the work, for so long and no longer; whether it has settled. Throws what it throws in time. */
export async function within(clock: Clock, limitMs: number, work: Promise<unknown>): Promise<boolean> {
  const ended = new AbortController()
  let isDone = false
  const mark = () => {
    isDone = true
  }
  void work.then(mark, mark)
  try {
    await Promise.race([work, pause(clock, limitMs, ended.signal)])
  } finally {
    ended.abort()
  }
  return isDone
}
