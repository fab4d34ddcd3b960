import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { parseManifest } from '../../../api/validate.ts'
import { kafkaManifest } from '../../builders/manifests.ts'

const isTaken = (startTimestamp: string) =>
  parseManifest(kafkaManifest({ startFrom: 'timestamp', startTimestamp })).kind === 'valid'

const two = (value: number) => `${value}`.padStart(2, '0')

test('a start time is taken when the calendar has it, and only then', () => {
  const day = fc.record({
    year: fc.oneof(fc.integer({ min: 1960, max: 9999 }), fc.constantFrom(1900, 1970, 2000, 2024, 2100, 2400)),
    month: fc.oneof(fc.integer({ min: 0, max: 13 }), fc.constant(2)),
    date: fc.integer({ min: 0, max: 32 }),
  })
  fc.assert(
    fc.property(day, ({ year, month, date }) => {
      const at = new Date(Date.UTC(year, month - 1, date))
      const isThere = at.getUTCFullYear() === year && at.getUTCMonth() === month - 1 && at.getUTCDate() === date
      expect(isTaken(`${year}-${two(month)}-${two(date)}T00:00:00Z`)).toBe(isThere && year >= 1970)
    }),
    { numRuns: 1_000 },
  )
})

test('a start time as programs write it is taken', () => {
  const times = fc.date({ min: new Date(0), max: new Date('9999-12-31T23:59:59.999Z'), noInvalidDate: true })
  fc.assert(fc.property(times, (time) => expect(isTaken(time.toISOString())).toBe(true)))
})
