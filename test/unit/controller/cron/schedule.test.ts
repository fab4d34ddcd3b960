import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import {
  judgeSchedule,
  latestDue,
  parseSchedule,
  ScheduleError,
  withKnownEnd,
} from '../../../../controller/cron/schedule.ts'

const ms = (text: string) => Date.parse(text)

function dueTimes(schedule: string, timezone: string, [after, until]: [string, string]): string[] {
  const parsed = parseSchedule({ schedule, timezone })
  const found: string[] = []
  for (let at = parsed.nextAfter(ms(after)); at !== undefined && at <= ms(until); at = parsed.nextAfter(at))
    found.push(new Date(at).toISOString().slice(0, 16))
  return found
}

test('the next due time is after the asked one, never at it', () => {
  const { nextAfter } = parseSchedule({ schedule: '*/5 * * * *', timezone: 'UTC' })
  expect(nextAfter(ms('2026-01-01T00:05:00Z'))).toBe(ms('2026-01-01T00:10:00Z'))
  expect(nextAfter(ms('2026-01-01T00:04:59.999Z'))).toBe(ms('2026-01-01T00:05:00Z'))
})

test('that none comes any more is found out once', () => {
  const asked: number[] = []
  const nextAfter = (at: number) => (asked.push(at), at < 10 ? 10 : undefined)
  const schedule = withKnownEnd({ nextAfter })
  expect([9, 20, 20, 21, 15, 16, 9].map((at) => schedule.nextAfter(at))).toEqual([
    10,
    ...[undefined, undefined, undefined, undefined, undefined],
    10,
  ])
  expect(asked).toEqual([9, 20, 15, 9])
})

test('a day of month and a day of week are alternatives, as in every cron', () => {
  expect(dueTimes('0 0 13 * 5', 'UTC', ['2026-02-01T00:00:00Z', '2026-02-15T00:00:00Z'])).toEqual([
    '2026-02-06T00:00',
    '2026-02-13T00:00',
  ])
})

/** Berlin: 2026-03-29 02:00 becomes 03:00 at 01:00 UTC; 2026-10-25 03:00 becomes 02:00 at 01:00 UTC. */
describe('where clocks are changed', () => {
  const spring: [string, string] = ['2026-03-28T12:00:00Z', '2026-03-30T12:00:00Z']
  const autumn: [string, string] = ['2026-10-24T12:00:00Z', '2026-10-26T12:00:00Z']
  const table = [
    {
      rule: 'a fixed time that does not exist comes once, right after the gap',
      schedule: '30 2 * * *',
      within: spring,
      want: ['2026-03-29T01:00', '2026-03-30T00:30'],
    },
    {
      rule: 'two fixed times in one gap come once together',
      schedule: '0,30 2 * * *',
      within: spring,
      want: ['2026-03-29T01:00', '2026-03-30T00:00', '2026-03-30T00:30'],
    },
    {
      rule: 'a fixed time that exists twice comes once, the first time',
      schedule: '30 2 * * *',
      within: autumn,
      want: ['2026-10-25T00:30', '2026-10-26T01:30'],
    },
    {
      rule: 'a list of fixed times that exist twice comes once each',
      schedule: '0,30 2 * * *',
      within: autumn,
      want: ['2026-10-25T00:00', '2026-10-25T00:30', '2026-10-26T01:00', '2026-10-26T01:30'],
    },
  ]
  test.each(table)('$rule', ({ schedule, within, want }) => {
    expect(dueTimes(schedule, 'Europe/Berlin', within)).toEqual(want)
  })

  test.each([
    { season: 'spring', night: ['2026-03-28T22:00:00Z', '2026-03-29T04:00:00Z'] as [string, string] },
    { season: 'autumn', night: ['2026-10-24T22:00:00Z', '2026-10-25T04:00:00Z'] as [string, string] },
  ])('an hourly schedule ticks every real hour in $season', ({ night }) => {
    const hours = dueTimes('15 * * * *', 'Europe/Berlin', night).map((text) => ms(`${text}Z`))
    expect(hours).toHaveLength(6)
    expect(new Set(hours.slice(1).map((hour, index) => hour - (hours[index] ?? 0)))).toEqual(new Set([3_600_000]))
  })

  test('due times only ever rise', () => {
    const schedules = ['30 2 * * *', '*/7 1-3 * * *', '0 */2 * * *', '5 3 25 10 *', '59 1,2,3 * * 0']
    const zones = ['Europe/Berlin', 'America/Havana', 'Australia/Lord_Howe', 'Asia/Kolkata']
    const dayMs = 24 * 3_600_000
    const instant = fc.oneof(
      fc.integer({ min: ms('2026-03-27T00:00:00Z'), max: ms('2026-03-27T00:00:00Z') + 4 * dayMs }),
      fc.integer({ min: ms('2026-10-23T00:00:00Z'), max: ms('2026-10-23T00:00:00Z') + 12 * dayMs }),
    )
    fc.assert(
      fc.property(
        fc.constantFrom(...schedules),
        fc.constantFrom(...zones),
        fc.tuple(instant, fc.integer({ min: 0, max: dayMs })),
        (schedule, timezone, [at, laterMs]) => {
          const { nextAfter } = parseSchedule({ schedule, timezone })
          const next = nextAfter(at) ?? Infinity
          expect(next).toBeGreaterThan(at)
          expect(nextAfter(at + laterMs) ?? Infinity).toBeGreaterThanOrEqual(next)
          if (at + laterMs < next) expect(nextAfter(at + laterMs)).toBe(next)
        },
      ),
      { numRuns: 300 },
    )
  })
})

describe('the last due time between two instants', () => {
  test('is the one that counting up would find', () => {
    const schedules = ['* * * * *', '30 2 * * *', '*/7 1-3 * * *', '0 0 * * 1']
    const from = fc.integer({ min: ms('2026-03-27T00:00:00Z'), max: ms('2026-03-30T00:00:00Z') })
    fc.assert(
      fc.property(
        fc.constantFrom(...schedules),
        from,
        fc.integer({ min: 0, max: 7_200_000 }),
        (schedule, afterMs, span) => {
          const parsed = parseSchedule({ schedule, timezone: 'Europe/Berlin' })
          let want: number | undefined
          for (let at = parsed.nextAfter(afterMs); at !== undefined && at <= afterMs + span; at = parsed.nextAfter(at))
            want = at
          expect(latestDue(parsed, afterMs, afterMs + span)).toBe(want)
        },
      ),
    )
  })

  test('is found over years in few steps', () => {
    const parsed = parseSchedule({ schedule: '* * * * *', timezone: 'UTC' })
    let asked = 0
    const counted = { nextAfter: (at: number) => (asked++, parsed.nextAfter(at)) }
    expect(latestDue(counted, ms('2016-01-01T00:00:00Z'), ms('2026-01-01T00:00:30Z'))).toBe(ms('2026-01-01T00:00:00Z'))
    expect(asked).toBeLessThan(60)
  })
})

test.each([
  ['@hourly', '2026-03-04T06:00:00Z'],
  ['@daily', '2026-03-05T00:00:00Z'],
  ['@midnight', '2026-03-05T00:00:00Z'],
  ['@weekly', '2026-03-08T00:00:00Z'],
  ['@monthly', '2026-04-01T00:00:00Z'],
  ['@yearly', '2027-01-01T00:00:00Z'],
  ['@annually', '2027-01-01T00:00:00Z'],
])('%s comes next at %s', (schedule, next) => {
  expect(parseSchedule({ schedule, timezone: 'UTC' }).nextAfter(ms('2026-03-04T05:06:07Z'))).toBe(ms(next))
})

describe('a bad schedule is told in one sentence', () => {
  const now = ms('2026-01-01T00:00:00Z')
  const table = [
    { schedule: '* * * *', timezone: 'UTC', want: /^expected five fields .*, got "\* \* \* \*"$/ },
    { schedule: '* * * * * *', timezone: 'UTC', want: /^expected five fields .*, got "\* \* \* \* \* \*"$/ },
    { schedule: '61 * * * *', timezone: 'UTC', want: /got "61 \* \* \* \*": Invalid value for minute: 61$/ },
    { schedule: '2026-01-01T00:00:00', timezone: 'UTC', want: /^expected five fields/ },
    { schedule: '0 0 30 2 *', timezone: 'UTC', want: /comes some day, got "0 0 30 2 \*"/ },
    { schedule: '0 0 * * *', timezone: 'Mars/Base', want: /^expected the name of a time zone .*, got "Mars\/Base"$/ },
    { schedule: '0 0 * * *', timezone: '+02:00', want: /^expected the name of a time zone .*, got "\+02:00"$/ },
    { schedule: '0 0 * * *', timezone: '', want: /^expected the name of a time zone .*, got ""$/ },
  ]
  test.each(table)('$schedule in $timezone', (text) => {
    expect(judgeSchedule(text, now)).toEqual({ kind: 'mistake', message: expect.stringMatching(text.want) })
  })

  test('a good one is not told about', () => {
    const nextMs = ms('2026-01-01T06:00:00Z')
    const text = { schedule: '0  7 * * MON-FRI', timezone: 'Europe/Berlin' }
    expect(judgeSchedule(text, now)).toEqual({ kind: 'good', nextMs })
  })

  test('parsing throws it with a code', () => {
    expect(() => parseSchedule({ schedule: 'often', timezone: 'UTC' })).toThrow(ScheduleError)
    expect(() => parseSchedule({ schedule: 'often', timezone: 'UTC' })).toThrow(
      expect.objectContaining({ code: 'invalid-schedule' }),
    )
  })
})
