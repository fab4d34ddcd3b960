/**
 * What to do about one cron Trigger now. Pure. A due time is claimed first (in the Trigger's status, where one replica wins) and stored as a
 * record after; whoever claims the next one knows that the record of the last claim is stored. So only the newest claim can lack its record.
 */
import { latestDue, type Schedule } from './schedule.ts'

export interface CronState {
  schedule: Schedule
  /** Due times up to here are none: creation, or when the schedule was changed. */
  sinceMs: number
  /** How late a tick may be; undefined: any time. */
  deadlineMs: number | undefined
  /** The newest due time that some replica has claimed. */
  claimedMs: number | undefined
  /** The newest due time whose record is known to be stored, or to be none of our business any more. */
  settledMs: number | undefined
  /** From when on a claim without a known record may be looked into: its owner may be about to store it. */
  checkFromMs: number
}

export type CronDecision =
  /** Nothing before `untilMs`; for ever without it. `missedMs`: a due time that is too late by the deadline. */
  | { kind: 'wait'; untilMs?: number; missedMs?: number }
  /** Claim it, then store it. `skipped`: earlier due times that were missed along with it get no tick. */
  | { kind: 'claim'; dueMs: number; skipped: boolean }
  /** Claimed, and nobody knows whether it was stored: look, and store it if not. */
  | { kind: 'check'; dueMs: number }
  /** Claimed, maybe not stored, and too late for that. */
  | { kind: 'giveUp'; dueMs: number }

/** A claim further ahead was made by a clock that was wrong: waiting for it could take years. */
export const FARTHEST_AHEAD_MS = 24 * 60 * 60_000

export function decide(state: CronState, nowMs: number): CronDecision {
  const { claimedMs, settledMs } = state
  if (claimedMs !== undefined && claimedMs !== settledMs) return aboutClaim(state, claimedMs, nowMs)
  return aboutDueTimes(state, nowMs)
}

function aboutClaim(state: CronState, dueMs: number, nowMs: number): CronDecision {
  if (isTooLate(state, dueMs, nowMs)) return { kind: 'giveUp', dueMs }
  return nowMs < state.checkFromMs ? { kind: 'wait', untilMs: state.checkFromMs } : { kind: 'check', dueMs }
}

function aboutDueTimes(state: CronState, nowMs: number): CronDecision {
  const { schedule } = state
  const fromMs = baseOf(state, nowMs)
  const latestMs = latestDue(schedule, fromMs, nowMs)
  if (latestMs === undefined) return waitFor(schedule.nextAfter(fromMs))
  if (isTooLate(state, latestMs, nowMs)) return { ...waitFor(schedule.nextAfter(nowMs)), missedMs: latestMs }
  return { kind: 'claim', dueMs: latestMs, skipped: schedule.nextAfter(fromMs) !== latestMs }
}

function waitFor(untilMs: number | undefined): CronDecision & { kind: 'wait' } {
  return untilMs === undefined ? { kind: 'wait' } : { kind: 'wait', untilMs }
}

/** A clock that jumped back meets its own claims ahead: no due time up to them is new. */
function baseOf({ sinceMs, claimedMs }: CronState, nowMs: number): number {
  if (claimedMs === undefined) return sinceMs
  return claimedMs > nowMs + FARTHEST_AHEAD_MS ? Math.max(sinceMs, nowMs) : Math.max(sinceMs, claimedMs)
}

const isTooLate = ({ deadlineMs }: CronState, dueMs: number, nowMs: number): boolean =>
  deadlineMs !== undefined && nowMs - dueMs > deadlineMs
