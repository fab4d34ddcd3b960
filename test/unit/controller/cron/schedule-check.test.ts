import { expect, test } from '@jest/globals'
import { createScheduleCheck } from '../../../../controller/cron/schedule-check.ts'
import { judgeSchedule, type ScheduleText } from '../../../../controller/cron/schedule.ts'
import type { ObservedTrigger } from '../../../../controller/triggers/observe.ts'
import { plan } from '../../../../controller/triggers/plan.ts'

const NEVER = '0 0 31 2,4,6,9,11 *'
const DAILY = '0 7 * * *'
const DAY_MS = 24 * 60 * 60_000

function setup(limit?: number) {
  const world = { nowMs: Date.parse('2026-01-01T00:00:00Z'), judged: [] as string[] }
  const judge = (text: ScheduleText, nowMs: number) => {
    world.judged.push(`${text.timezone} ${text.schedule}`)
    return judgeSchedule(text, nowMs)
  }
  const check = createScheduleCheck({ now: () => world.nowMs, judge, ...(limit !== undefined && { limit }) })
  return { world, check, ask: (schedule: string, timezone = 'UTC') => check({ schedule, timezone }) }
}

function observed(name: string, schedule: string): ObservedTrigger {
  const metadata = { name, namespace: 'default', uid: name, creationTimestamp: '2026-01-01T00:00:00Z' }
  const cron = { schedule, timezone: 'UTC', startingDeadline: '1m' }
  const trigger = { metadata, spec: { function: 'f', cron } } as unknown as ObservedTrigger['trigger']
  return { key: `default/${name}`, functionKey: 'default/f', functionExists: true, trigger }
}

test('two passes over the same Triggers judge each text once', () => {
  const { world, check } = setup()
  const triggers = [observed('a', NEVER), observed('b', NEVER), observed('c', DAILY), observed('d', '61 * * * *')]
  const mistakes = () => plan(triggers, { checkSchedule: check }).verdicts.map(({ mistake }) => mistake !== undefined)
  expect(mistakes()).toEqual([true, true, false, true])
  expect(mistakes()).toEqual([true, true, false, true])
  expect(world.judged).toEqual([`UTC ${NEVER}`, `UTC ${DAILY}`, 'UTC 61 * * * *'])
})

test('a good one is judged again when it has come, a mistake never', () => {
  const { world, ask } = setup()
  for (const schedule of [NEVER, DAILY]) ask(schedule)
  world.nowMs += DAY_MS
  for (const schedule of [NEVER, DAILY]) ask(schedule)
  expect(world.judged).toEqual([`UTC ${NEVER}`, `UTC ${DAILY}`, `UTC ${DAILY}`])
})

test('the same schedule in another zone is another one', () => {
  const { world, ask } = setup()
  expect(ask(DAILY, 'Nowhere/City')).toMatch('expected the name of a time zone')
  expect(ask(DAILY)).toBeUndefined()
  expect(world.judged).toHaveLength(2)
})

test('what is remembered has a bound: the oldest is forgotten', () => {
  const { world, ask } = setup(2)
  for (const minute of [1, 2, 3, 3, 2, 1]) ask(`${minute} * * * *`)
  expect(world.judged.map((text) => text.split(' ')[1])).toEqual(['1', '2', '3', '1'])
})
