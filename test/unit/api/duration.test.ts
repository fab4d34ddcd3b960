import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { durationMs } from '../../../api/duration.ts'

test.each([
  ['0s', 0],
  ['250ms', 250],
  ['1.5s', 1500],
  ['30s', 30_000],
  ['5m', 300_000],
  ['1h30m', 5_400_000],
  ['1m30s', 90_000],
  ['0.1s', 100],
  ['1.1m', 66_000],
  ['0.001ms', 0.001],
])('%s is %d ms', (text, ms) => expect(durationMs(text)).toBe(ms))

test.each(['', '5', 's', '-1s', '1 s', '1d', '1S', '.5s', '1.s', '1e3s', '1234567s', '0.0001s', ' 1s'])(
  '%j is no duration',
  (text) => expect(() => durationMs(text)).toThrow(/expected a duration like 30s or 5m, got/),
)

test('parts add up in any order', () => {
  const part = fc.tuple(fc.integer({ min: 0, max: 999_999 }), fc.constantFrom(['ms', 1], ['s', 1000], ['m', 60_000]))
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 4 }), (parts) => {
      const text = parts.map(([amount, [unit]]) => `${amount}${unit}`).join('')
      const total = parts.reduce((sum, [amount, [, ms]]) => sum + amount * Number(ms), 0)
      expect(durationMs(text)).toBe(total)
    }),
  )
})
