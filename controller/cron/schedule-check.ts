/**
 * Verdicts on schedules, remembered: every pass over the Triggers asks about each of them, and to find that a schedule never comes takes
 * milliseconds in which nothing else runs. Some hundreds of those would cost the leader its lease.
 */
import { judgeSchedule, keyOfSchedule, type ScheduleText, type ScheduleVerdict } from './schedule.ts'

export interface ScheduleCheckOptions {
  now: () => number
  judge?: typeof judgeSchedule
  /** Texts that are remembered; the oldest goes. */
  limit?: number
}

const LIMIT = 5_000

/** What is wrong with a schedule, in one sentence; undefined when it is a good one that will come. */
export function createScheduleCheck({ now, judge = judgeSchedule, limit = LIMIT }: ScheduleCheckOptions) {
  const verdicts = new Map<string, ScheduleVerdict>()
  return (schedule: ScheduleText): string | undefined => {
    const text = keyOfSchedule(schedule)
    const nowMs = now()
    const known = verdicts.get(text)
    const verdict = known !== undefined && isValid(known, nowMs) ? known : judge(schedule, nowMs)
    if (verdict !== known) remember(text, verdict)
    return verdict.kind === 'mistake' ? verdict.message : undefined
  }

  function remember(text: string, verdict: ScheduleVerdict): void {
    verdicts.delete(text)
    verdicts.set(text, verdict)
    const [oldest] = verdicts.keys()
    if (oldest !== undefined && verdicts.size > limit) verdicts.delete(oldest)
  }
}

/** Calendars repeat: what is a mistake stays one. That a good one will come is known until it has. */
function isValid(verdict: ScheduleVerdict, nowMs: number): boolean {
  return verdict.kind === 'mistake' || nowMs < verdict.nextMs
}
