/** What one process knows of a cron Trigger beyond its object: lost with it, and found again by looking at the log. */
import type { CronTrigger } from './cron-trigger.ts'
import type { CronState } from './decide.ts'
import { parseSchedule, type Schedule } from './schedule.ts'

/** Another replica that has claimed a due time needs this long at most to store its record, unless it died. */
export const CLAIM_GRACE_MS = 2_000

export class CronMemory {
  readonly uid: string
  /** Whether its topic was made ready. */
  isPrepared = false
  /** Said once. */
  missedMs: number | undefined
  #text = ''
  #schedule: Schedule | undefined
  #sinceMs: number
  #claimedMs: number | undefined
  #settledMs: number | undefined
  #checkFromMs = 0

  constructor({ uid, createdAtMs }: CronTrigger) {
    this.uid = uid
    this.#sinceMs = createdAtMs
  }

  /** Throws ScheduleError. `claimedMs`: what the status says. */
  observe(trigger: CronTrigger, claimedMs: number | undefined, nowMs: number): CronState {
    const schedule = this.#scheduleOf(trigger, nowMs)
    if (claimedMs !== this.#claimedMs) {
      this.#claimedMs = claimedMs
      this.#checkFromMs = nowMs + CLAIM_GRACE_MS
    }
    return {
      schedule,
      sinceMs: this.#sinceMs,
      deadlineMs: trigger.deadlineMs,
      claimedMs,
      settledMs: this.#settledMs,
      checkFromMs: this.#checkFromMs,
    }
  }

  /** By this process: nobody else is about to store its record. */
  claimed(dueMs: number): void {
    this.#claimedMs = dueMs
    this.#checkFromMs = 0
  }

  /** Its record is stored, or will never be. */
  settled(dueMs: number): void {
    this.#settledMs = dueMs
  }

  /** Due times that a changed schedule would have had before the change are none. */
  #scheduleOf({ schedule, timezone }: CronTrigger, nowMs: number): Schedule {
    const text = `${timezone} ${schedule}`
    if (this.#schedule !== undefined && this.#text === text) return this.#schedule
    if (this.#text !== '' && this.#text !== text) this.#sinceMs = nowMs
    this.#text = text
    this.#schedule = undefined
    return (this.#schedule = parseSchedule({ schedule, timezone }))
  }
}
