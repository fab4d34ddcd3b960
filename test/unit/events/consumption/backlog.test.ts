import { expect, test } from '@jest/globals'
import { oldestDueAgeMs } from '../../../../events/consumption/backlog.ts'

const aged = (timestampMs: number, dueMs?: number) =>
  oldestDueAgeMs(
    { oldest: { record: { timestampMs }, meta: { dueMs } } } as Parameters<typeof oldestDueAgeMs>[0],
    1_000,
  )

test.each([
  ['since it was written', aged(400), 600],
  ['since it was due, when it waits for a retry', aged(100, 900), 100],
  ['unknown, when its producer has not said when it was written', aged(-1), undefined],
  ['none, when it is not due', aged(100, 1_001), undefined],
  ['none, when its clock is ahead', aged(2_000), undefined],
])('the age of the oldest record is %s', (_rule, age, wanted) => {
  expect(age).toBe(wanted)
})

test('without a record there is none', () => {
  expect(oldestDueAgeMs({ oldest: undefined }, 1_000)).toBeUndefined()
})
