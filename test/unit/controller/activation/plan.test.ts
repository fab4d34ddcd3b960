import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { podsToStart, type WakeInput } from '../../../../controller/activation/plan.ts'

const input = (change: Partial<WakeInput> & { queued?: number } = {}): WakeInput => ({
  demands: [{ queued: change.queued ?? 1, readySince: 0 }],
  concurrency: 1,
  maxPods: 20,
  existing: 0,
  starting: 0,
  ...change,
})

describe('podsToStart', () => {
  const cases: [string, WakeInput, number][] = [
    ['one for the first request', input(), 1],
    ['as many as the queue fills', input({ queued: 100, concurrency: 10 }), 10],
    ['a last one for the rest', input({ queued: 101, concurrency: 10 }), 11],
    ['none for what starting pods will take', input({ queued: 10, concurrency: 10, starting: 1, existing: 1 }), 0],
    ['only the difference', input({ queued: 30, concurrency: 10, starting: 1, existing: 1 }), 2],
    ['never above max', input({ queued: 100, maxPods: 5, existing: 2 }), 3],
    ['none at max', input({ queued: 100, maxPods: 5, existing: 5 }), 0],
    ['none when there are more than max, as after lowering it', input({ queued: 100, maxPods: 5, existing: 9 }), 0],
    [
      'none for requests that a pod the asker does not know of will take',
      input({ demands: [{ queued: 3, readySince: 3 }] }),
      0,
    ],
    [
      'for the queues of several data planes together',
      input({
        demands: [
          { queued: 3, readySince: 0 },
          { queued: 4, readySince: 0 },
        ],
        concurrency: 2,
      }),
      4,
    ],
    [
      'not again for a data plane whose requests were served since it asked',
      input({
        demands: [
          { queued: 5, readySince: 5 },
          { queued: 1, readySince: 0 },
        ],
        existing: 5,
      }),
      1,
    ],
  ]
  test.each(cases)('starts %s', (_name, given, want) => expect(podsToStart(given)).toBe(want))

  const demand = fc.record({ queued: fc.nat(1_000), readySince: fc.nat(20) })
  const anyInput = fc.record({
    demands: fc.array(demand, { maxLength: 5 }),
    concurrency: fc.integer({ min: 1, max: 100 }),
    maxPods: fc.integer({ min: 1, max: 50 }),
    existing: fc.nat(60),
    starting: fc.nat(60),
  })

  test('is never negative, never exceeds max, and is whole', () => {
    fc.assert(
      fc.property(anyInput, (given) => {
        const count = podsToStart(given)
        return Number.isInteger(count) && count >= 0 && (count === 0 || given.existing + count <= given.maxPods)
      }),
    )
  })

  test('asked again with what it started counted as starting, it starts no more', () => {
    fc.assert(
      fc.property(anyInput, (given) => {
        const count = podsToStart(given)
        return podsToStart({ ...given, existing: given.existing + count, starting: given.starting + count }) === 0
      }),
    )
  })

  test('provides a slot for every waiting request when max allows', () => {
    fc.assert(
      fc.property(anyInput, (given) => {
        const count = podsToStart(given)
        if (given.existing + count >= given.maxPods) return true
        const slots = (count + given.starting) * given.concurrency
        const unserved = given.demands.reduce(
          (sum, { queued, readySince }) => sum + Math.max(0, queued - readySince * given.concurrency),
          0,
        )
        return slots >= unserved
      }),
    )
  })
})
