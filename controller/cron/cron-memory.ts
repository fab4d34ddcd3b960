/** What one process knows of a cron Trigger beyond its object: lost with it, and found again by looking at the log. */
import type { FollowedSchedule } from '../../api/trigger.ts'
import type { CronTrigger } from './cron-trigger.ts'
import { FARTHEST_AHEAD_MS, type CronState } from './decide.ts'
import { keyOfSchedule, parseSchedule, type Schedule, type ScheduleText } from './schedule.ts'

/** Another replica that has claimed a due time needs this long at most to store its record, unless it died. */
export const CLAIM_GRACE_MS = 2_000

export interface Followed {
  text: string
  /** What the status told of when this was found out. */
  toldText: string | undefined
  sinceMs: number
  /** The status says so, or was made to. */
  isTold: boolean
}

export class CronMemory {
  readonly uid: string
  /** Whether its topic was made ready. */
  isPrepared = false
  /** Said once. */
  missedMs: number | undefined
  #followed: Followed | undefined
  #schedule: { text: string; parsed: Schedule } | undefined
  readonly #createdAtMs: number
  #claimedMs: number | undefined
  #settledMs: number | undefined
  #checkFromMs = 0

  constructor({ uid, createdAtMs }: CronTrigger) {
    this.uid = uid
    this.#createdAtMs = createdAtMs
  }

  /**
   * Since when the schedule counts, as the status says, or from now on if that tells of another one: due times that a changed schedule would have
   * had before the change are none.
   */
  follow(trigger: ScheduleText, told: FollowedSchedule | undefined, nowMs: number): Followed {
    const text = keyOfSchedule(trigger)
    const toldText = told && keyOfSchedule(told)
    // A clock that was wrong, or a hand.
    const isSane = (sinceMs: number) => sinceMs <= nowMs + FARTHEST_AHEAD_MS
    const toldMs = Date.parse(told?.since ?? '')
    if (toldText === text && isSane(toldMs)) return (this.#followed = { text, toldText, sinceMs: toldMs, isTold: true })
    const known = this.#followed
    // What we wrote may not be seen yet, or was dropped by an API server whose CRD is older than we are.
    if (known?.text === text && known.toldText === toldText && isSane(known.sinceMs)) return known
    const isFirst = told === undefined && known === undefined
    return (this.#followed = { text, toldText, sinceMs: isFirst ? this.#createdAtMs : nowMs, isTold: false })
  }

  /** Throws ScheduleError. `claimedMs`: what the status says. */
  observe(trigger: CronTrigger, claimedMs: number | undefined, nowMs: number): CronState {
    const schedule = this.#scheduleOf(trigger)
    if (claimedMs !== this.#claimedMs) {
      this.#claimedMs = claimedMs
      this.#checkFromMs = nowMs + CLAIM_GRACE_MS
    }
    return {
      schedule,
      sinceMs: this.#followed?.sinceMs ?? this.#createdAtMs,
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

  #scheduleOf(trigger: CronTrigger): Schedule {
    const text = keyOfSchedule(trigger)
    if (this.#schedule?.text !== text) this.#schedule = { text, parsed: parseSchedule(trigger) }
    return this.#schedule.parsed
  }
}
