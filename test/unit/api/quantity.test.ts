import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { memoryMb, quantityBytes } from '../../../api/quantity.ts'

test.each([
  ['0', 0],
  ['1', 1],
  ['1k', 1000],
  ['1Ki', 1024],
  ['128Mi', 134_217_728],
  ['1.5Gi', 1_610_612_736],
  ['2G', 2_000_000_000],
  ['33554.432k', 33_554_432],
])('%s is %d bytes', (text, bytes) => expect(quantityBytes(text)).toBe(bytes))

test.each(['', 'Mi', '-1', '1 Mi', '1mi', '1MB', '1e3', '1.2345Gi', '.5Gi', '1K'])('%j is no quantity', (text) =>
  expect(() => quantityBytes(text)).toThrow(/expected a quantity like 128Mi or 1Gi, got/),
)

test.each([
  ['128Mi', 128],
  ['1Gi', 1024],
  ['10240Mi', 10_240],
  ['128M', 122],
  ['134217728', 128],
])('memory of %s is %d MB for the function', (text, mb) => expect(memoryMb(text)).toBe(mb))

test('what a function is told never exceeds its limit', () => {
  const quantity = fc
    .tuple(
      fc.integer({ min: 0, max: 99_999 }),
      fc.integer({ min: 0, max: 999 }),
      fc.constantFrom('', 'k', 'M', 'G', 'Ki', 'Mi', 'Gi'),
    )
    .map(([whole, thousandths, unit]) => `${whole}.${String(thousandths).padStart(3, '0')}${unit}`)
  fc.assert(
    fc.property(quantity, (text) => {
      const rest = quantityBytes(text) - memoryMb(text) * 1024 ** 2
      expect(rest).toBeGreaterThanOrEqual(0)
      expect(rest).toBeLessThan(1024 ** 2)
    }),
  )
})
