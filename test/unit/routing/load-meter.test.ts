import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { LoadMeter } from '../../../routing/load-meter.ts'

test('property: the mean is the area under the level divided by time, window by window', () => {
  const steps = fc.array(fc.record({ ms: fc.integer({ min: 1, max: 1_000 }), level: fc.nat({ max: 50 }) }), {
    minLength: 1,
  })
  fc.assert(
    fc.property(steps, steps, (first, second) => {
      const meter = new LoadMeter(0)
      let now = 0
      for (const window of [first, second]) {
        let area = 0
        for (const { ms, level } of window) {
          meter.add(level - meter.level, now)
          area += level * ms
          now += ms
        }
        const lengthMs = window.reduce((sum, { ms }) => sum + ms, 0)
        expect(meter.take(now)).toBeCloseTo(area / lengthMs, 6)
      }
    }),
  )
})

test('a window without length is the level itself', () => {
  const meter = new LoadMeter(5)
  meter.add(3, 5)
  expect(meter.take(5)).toBe(3)
})
