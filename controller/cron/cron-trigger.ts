/** A cron Trigger as this folder sees it. Pure. */
import { durationMs } from '../../api/duration.ts'
import { keyOf, type ObjectKey } from '../../api/names.ts'
import type { Trigger } from '../../api/trigger.ts'
import type { ScheduleText } from './schedule.ts'

export interface CronTrigger extends ScheduleText {
  key: ObjectKey
  uid: string
  createdAtMs: number
  payload: string | undefined
  deadlineMs: number
}

/** Undefined for other Triggers, and for those that are being deleted. */
export function cronTriggerOf({ metadata, spec }: Trigger): CronTrigger | undefined {
  if (spec.cron === undefined || metadata.deletionTimestamp !== undefined) return undefined
  const { schedule, timezone, payload, startingDeadline } = spec.cron
  return {
    key: keyOf(metadata),
    uid: metadata.uid,
    createdAtMs: Date.parse(metadata.creationTimestamp),
    schedule,
    timezone,
    payload,
    deadlineMs: durationMs(startingDeadline),
  }
}
