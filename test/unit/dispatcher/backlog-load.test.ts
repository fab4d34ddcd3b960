import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { backlogLoad } from '../../../dispatcher/backlog-load.ts'

test.each([
  [{ due: 0, meanCallMs: 100 }, 20, { queued: 0, concurrency: 0 }],
  [{ due: 1, meanCallMs: 10 }, 20, { queued: 1, concurrency: 0.001 }],
  [{ due: 1_000, meanCallMs: 100 }, 20, { queued: 20, concurrency: 10 }],
  [{ due: 1_000, meanCallMs: undefined }, 20, { queued: 20, concurrency: 10 }],
  [{ due: 1e6, meanCallMs: 1_000 }, 20, { queued: 20, concurrency: 20 }],
])('a backlog of %j of a function with %i slots is the load %j', (backlog, most, want) => {
  expect(backlogLoad(backlog, most)).toEqual(want)
})

test('more backlog is never less load, and no load is more than the function may have', () => {
  fc.assert(
    fc.property(
      fc.tuple(fc.nat(1e6), fc.nat(1e6)),
      fc.nat(1e4),
      fc.integer({ min: 1, max: 1_600 }),
      (dues, meanCallMs, most) => {
        const [less, more] = [Math.min(...dues), Math.max(...dues)].map((due) => backlogLoad({ due, meanCallMs }, most))
        expect(more!.concurrency).toBeGreaterThanOrEqual(less!.concurrency)
        expect(more!.queued).toBeGreaterThanOrEqual(less!.queued)
        expect(Math.max(more!.concurrency, more!.queued)).toBeLessThanOrEqual(most)
      },
    ),
  )
})
