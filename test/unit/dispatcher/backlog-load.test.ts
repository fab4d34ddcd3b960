import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { backlogLoad, type Backlog } from '../../../dispatcher/backlog-load.ts'

const of = (calls: number, meanCallMs?: number, work = calls): Backlog => ({ calls, work, meanCallMs })

test.each<[Backlog[], { queued: number; concurrency: number }]>([
  [[of(1, 10)], { queued: 1, concurrency: 0.001 }],
  [[of(1_000, 100)], { queued: 20, concurrency: 10 }],
  [[of(1_000)], { queued: 20, concurrency: 10 }],
  [[of(1_000, 1_000, 1e6)], { queued: 20, concurrency: 20 }],
  [[of(10, 100), of(5, 200)], { queued: 15, concurrency: 0.2 }],
])('a backlog of %j of a function with 20 slots is the load %j', (backlogs, want) => {
  expect(backlogLoad(backlogs, 20)).toEqual(want)
})

test('no backlog is no load, so that a function may sleep', () => {
  expect(backlogLoad([], 20)).toBeUndefined()
  expect(backlogLoad([of(0, 100)], 20)).toBeUndefined()
})

test('a backlog that cannot run side by side wants no more slots than it can use, however long it is', () => {
  expect(backlogLoad([of(6, 1_000, 1e6)], 20)).toEqual({ queued: 6, concurrency: 6 })
})

describe('for any backlog', () => {
  const backlog = fc
    .tuple(fc.nat(1e6), fc.nat(1e6), fc.option(fc.nat(1e4), { nil: undefined }))
    .map(([calls, more, meanCallMs]) => ({ calls, work: calls + more, meanCallMs }))
  const most = fc.integer({ min: 1, max: 1_600 })

  test('more of it is never less load, and no load is more than the function may have', () => {
    fc.assert(
      fc.property(fc.array(backlog), backlog, most, (backlogs, another, slots) => {
        const none = { queued: 0, concurrency: 0 }
        const less = backlogLoad(backlogs, slots) ?? none
        const more = backlogLoad([...backlogs, another], slots) ?? none
        expect(more.concurrency).toBeGreaterThanOrEqual(less.concurrency)
        expect(more.queued).toBeGreaterThanOrEqual(less.queued)
        expect(Math.max(more.concurrency, more.queued)).toBeLessThanOrEqual(slots)
        expect(more.concurrency).toBeLessThanOrEqual([...backlogs, another].reduce((sum, { calls }) => sum + calls, 0))
      }),
    )
  })
})
