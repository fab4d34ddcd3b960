import { expect, test } from '@jest/globals'
import { billable, billedMsOf } from '../../../routing/billed.ts'
import { reportHeader } from '../../../runtime-image/node/src/report.ts'

test('what the runtime reports is read back', () => {
  const report = { durationMs: 1234.2, memoryMb: 128, maxMemoryMb: 60, initMs: 12 }
  expect(billedMsOf(reportHeader(report))).toBe(1235)
})

test.each([
  ['no header', undefined],
  ['the header twice', ['billed=1', 'billed=2']],
  ['no field', 'duration=1.00'],
  ['a field without a number', 'billed=,memory=128'],
  ['a negative number', 'billed=-5'],
])('%s is no report', (_name, header) => {
  expect(billedMsOf(header)).toBeUndefined()
})

test('a report is believed up to the time the call took, rounded up; without one that time counts', () => {
  expect(billable(10.4, 7)).toBe(7)
  expect(billable(10.4, 11)).toBe(11)
  expect(billable(10.4, 900_000)).toBe(11.4)
  expect(billable(10.4, undefined)).toBe(10.4)
})
