/**
 * Cron schedules as CronJob knows them: five fields or a nickname, in a time zone. The one place that knows croner, which follows vixie cron
 * where clocks are changed: a fixed time that does not exist comes right after the gap, one that exists twice comes once, the first time;
 * fields with `*` or steps go by the real hours. Pure.
 */
import { Cron } from 'croner'

export interface Schedule {
  /** The first due time after `epochMs`, never at it; undefined when none comes any more. */
  nextAfter(epochMs: number): number | undefined
}

export interface ScheduleText {
  /** `0 7 * * MON-FRI` */
  schedule: string
  /** IANA name. */
  timezone: string
}

/** Users see the message as it is. */
export class ScheduleError extends Error {
  override readonly name = 'ScheduleError'
  readonly code = 'invalid-schedule'
}

const EXPECTED = 'expected five fields (minute, hour, day of month, month, day of week)'

/** As crontab(5) has them, and CronJob. */
const NICKNAMES = new Map([
  ['@hourly', '0 * * * *'],
  ['@daily', '0 0 * * *'],
  ['@midnight', '0 0 * * *'],
  ['@weekly', '0 0 * * 0'],
  ['@monthly', '0 0 1 * *'],
  ['@yearly', '0 0 1 1 *'],
  ['@annually', '0 0 1 1 *'],
])

/** Throws ScheduleError. */
export function parseSchedule({ schedule, timezone }: ScheduleText): Schedule {
  checkTimezone(timezone)
  const written = schedule.trim().replace(/\s+/g, ' ')
  const text = NICKNAMES.get(written) ?? written
  if (text.split(' ').length !== 5) throw new ScheduleError(`${EXPECTED}, got ${JSON.stringify(schedule)}`)
  const cron = croner(text, timezone)
  return withKnownEnd({ nextAfter: (epochMs) => cron.nextRun(new Date(epochMs))?.getTime() })
}

/** The same for what is the same schedule. */
export const keyOfSchedule = ({ schedule, timezone }: ScheduleText): string => `${timezone} ${schedule}`

/** To find that none comes takes milliseconds in which nothing else runs; after that none comes later either. */
export function withKnownEnd(schedule: Schedule): Schedule {
  let endMs = Infinity
  return {
    nextAfter(epochMs) {
      if (epochMs >= endMs) return undefined
      const nextMs = schedule.nextAfter(epochMs)
      if (nextMs === undefined) endMs = epochMs
      return nextMs
    },
  }
}

/** `nextMs`: after the time that was asked for. `message`: one sentence, without a period. */
export type ScheduleVerdict = { kind: 'good'; nextMs: number } | { kind: 'mistake'; message: string }

/** Whether it can be followed, and will come some day. */
export function judgeSchedule(text: ScheduleText, nowMs: number): ScheduleVerdict {
  try {
    const nextMs = parseSchedule(text).nextAfter(nowMs)
    if (nextMs !== undefined) return { kind: 'good', nextMs }
    const got = JSON.stringify(text.schedule)
    const message = `expected a schedule that comes some day, got ${got}, which names no day of any calendar`
    return { kind: 'mistake', message }
  } catch (error) {
    if (error instanceof ScheduleError) return { kind: 'mistake', message: error.message }
    throw error
  }
}

/**
 * The last due time in (afterMs, untilMs]; undefined when there is none. By halving, not by counting up: a stop of a year over a schedule
 * of every minute costs as much as one of an hour.
 */
export function latestDue(schedule: Schedule, afterMs: number, untilMs: number): number | undefined {
  let latest = schedule.nextAfter(afterMs)
  if (latest === undefined || latest > untilMs) return undefined
  let low = latest
  let high = untilMs
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    const due = schedule.nextAfter(middle)
    if (due !== undefined && due <= untilMs) low = latest = due
    else high = middle
  }
  return latest
}

function croner(text: string, timezone: string): Cron {
  try {
    return new Cron(text, { mode: '5-part', timezone, fixedTimeRule: 'no-wildcard', paused: true })
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace(/^CronPattern: /, '') : String(error)
    throw new ScheduleError(`${EXPECTED}, got ${JSON.stringify(text)}: ${reason}`, { cause: error })
  }
}

/** Offsets like +02:00 would be taken, too, but are no zones: they never change their clocks. */
function checkTimezone(timezone: string): void {
  const isZone = /^[A-Za-z]/.test(timezone) && isKnown(timezone)
  if (isZone) return
  throw new ScheduleError(`expected the name of a time zone like Europe/Berlin or UTC, got ${JSON.stringify(timezone)}`)
}

function isKnown(timeZone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone })
    return true
  } catch {
    return false
  }
}
