import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { Queue } from '../../../lib/queue.ts'

test('in any order of steps it is as an array that is pushed, unshifted and shifted', () => {
  const step = fc.oneof(
    { weight: 3, arbitrary: fc.constant('push' as const) },
    { weight: 1, arbitrary: fc.constant('unshift' as const) },
    { weight: 3, arbitrary: fc.constant('shift' as const) },
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.nat(700), (steps, filled) => {
      const queue = new Queue<{ n: number }>()
      const model: { n: number }[] = []
      const take = () => {
        expect(queue.shift()).toBe(model.shift())
      }
      for (let n = 0; n < filled; n++) {
        const item = { n }
        queue.push(item)
        model.push(item)
      }
      // Past the point from which what was taken is cut off.
      for (let n = 0; n < filled * 0.8; n++) take()
      for (const [n, each] of steps.entries()) {
        const item = { n: -n }
        if (each === 'shift') take()
        else {
          queue[each](item)
          model[each](item)
        }
        expect(queue.size).toBe(model.length)
      }
      while (model.length > 0) take()
      expect([queue.size, queue.shift()]).toEqual([0, undefined])
    }),
  )
})
