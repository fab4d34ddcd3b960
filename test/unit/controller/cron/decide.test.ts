import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { decide, FARTHEST_AHEAD_MS, type CronDecision, type CronState } from '../../../../controller/cron/decide.ts'
import { parseSchedule } from '../../../../controller/cron/schedule.ts'

const at = (time: string) => Date.parse(`2026-01-01T${time}Z`)
const HOURLY = parseSchedule({ schedule: '0 * * * *', timezone: 'UTC' })
const NEVER = { nextAfter: () => undefined }

function state(change: Partial<CronState> = {}): CronState {
  return {
    schedule: HOURLY,
    sinceMs: at('08:30:00'),
    deadlineMs: undefined,
    claimedMs: undefined,
    settledMs: undefined,
    checkFromMs: 0,
    ...change,
  }
}

const settled = (time: string) => ({ claimedMs: at(time), settledMs: at(time) })

interface Case {
  rule: string
  state: CronState
  now: string
  want: CronDecision
}

const table: Case[] = [
  {
    rule: 'before the first due time after creation it waits for that',
    state: state(),
    now: '08:40:00',
    want: { kind: 'wait', untilMs: at('09:00:00') },
  },
  {
    rule: 'a due time before creation is none',
    state: state({ sinceMs: at('09:00:00') }),
    now: '09:00:00',
    want: { kind: 'wait', untilMs: at('10:00:00') },
  },
  {
    rule: 'at a due time it is claimed',
    state: state(),
    now: '09:00:00',
    want: { kind: 'claim', dueMs: at('09:00:00'), skipped: false },
  },
  {
    rule: 'a due time that was claimed is not claimed again',
    state: state(settled('09:00:00')),
    now: '09:00:00',
    want: { kind: 'wait', untilMs: at('10:00:00') },
  },
  {
    rule: 'of several missed ones the last is claimed',
    state: state(settled('09:00:00')),
    now: '12:10:00',
    want: { kind: 'claim', dueMs: at('12:00:00'), skipped: true },
  },
  {
    rule: 'a missed one beyond the deadline is told, and the next waited for',
    state: state({ ...settled('09:00:00'), deadlineMs: 60_000 }),
    now: '12:10:00',
    want: { kind: 'wait', untilMs: at('13:00:00'), missedMs: at('12:00:00') },
  },
  {
    rule: 'a missed one within the deadline is claimed',
    state: state({ ...settled('09:00:00'), deadlineMs: 600_000 }),
    now: '12:10:00',
    want: { kind: 'claim', dueMs: at('12:00:00'), skipped: true },
  },
  {
    rule: 'a clock that jumped back waits until it passes its own claim',
    state: state(settled('12:00:00')),
    now: '09:30:00',
    want: { kind: 'wait', untilMs: at('13:00:00') },
  },
  {
    rule: 'a claim that nobody can have made with a right clock does not stop the ticks',
    state: state({
      claimedMs: at('09:00:00') + 2 * FARTHEST_AHEAD_MS,
      settledMs: at('09:00:00') + 2 * FARTHEST_AHEAD_MS,
    }),
    now: '09:30:00',
    want: { kind: 'wait', untilMs: at('10:00:00') },
  },
  {
    rule: "another's fresh claim is left alone for a while",
    state: state({ claimedMs: at('09:00:00'), checkFromMs: at('09:00:02') }),
    now: '09:00:01',
    want: { kind: 'wait', untilMs: at('09:00:02') },
  },
  {
    rule: 'a claim without a known record is looked into, before any new one',
    state: state({ claimedMs: at('09:00:00'), checkFromMs: at('09:00:02') }),
    now: '10:00:00',
    want: { kind: 'check', dueMs: at('09:00:00') },
  },
  {
    rule: 'a claim without a known record is given up after the deadline',
    state: state({ claimedMs: at('09:00:00'), deadlineMs: 60_000 }),
    now: '09:01:01',
    want: { kind: 'giveUp', dueMs: at('09:00:00') },
  },
  {
    rule: 'a schedule that never comes waits for a change',
    state: state({ schedule: NEVER }),
    now: '09:00:00',
    want: { kind: 'wait' },
  },
]

describe('what to do about a cron Trigger', () => {
  test.each(table)('$rule', ({ state: given, now, want }) => {
    expect(decide(given, at(now))).toEqual(want)
  })
})

test('however a clock wanders within a day, no due time is claimed twice, and every claim is due', () => {
  const minute = 60_000
  const schedule = parseSchedule({ schedule: '*/5 * * * *', timezone: 'UTC' })
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -120 * minute, max: 180 * minute }), { maxLength: 40 }), (steps) => {
      const start = at('12:00:00')
      const claims: number[] = []
      let now = start
      let current = state({ schedule, sinceMs: start, deadlineMs: 60 * minute })
      for (const step of steps) {
        now = Math.max(start, Math.min(start + 20 * 60 * minute, now + step))
        const decision = decide(current, now)
        if (decision.kind !== 'claim') continue
        expect(decision.dueMs).toBeLessThanOrEqual(now)
        expect(now - decision.dueMs).toBeLessThanOrEqual(5 * minute)
        claims.push(decision.dueMs)
        current = { ...current, claimedMs: decision.dueMs, settledMs: decision.dueMs }
      }
      expect(claims).toEqual([...new Set(claims)].sort((a, b) => a - b))
    }),
  )
})
