import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { planPool, type PoolInput, type PoolPod } from '../../../../controller/pool/plan.ts'

const NOW = 1_000_000
const pod = (uid: string, change: Partial<PoolPod> = {}): PoolPod => ({
  uid,
  ready: true,
  current: true,
  createdAtMs: NOW - 60_000,
  ...change,
})
const input = (change: Partial<PoolInput> = {}): PoolInput => ({
  nowMs: NOW,
  size: 3,
  used: true,
  pods: [],
  creating: 0,
  waiting: 0,
  refillAtMs: 0,
  boot: { failures: 0, notBeforeMs: 0 },
  ...change,
})

describe('planPool', () => {
  test('fills an empty pool at once', () => expect(planPool(input())).toEqual({ create: 3, remove: [] }))

  test('counts pods that boot and pods that are being created', () =>
    expect(planPool(input({ pods: [pod('a', { ready: false })], creating: 1 }))).toEqual({ create: 1, remove: [] }))

  test('waits while starts come first, and says when to look again', () =>
    expect(planPool(input({ refillAtMs: NOW + 30 }))).toEqual({ create: 0, remove: [], againAtMs: NOW + 30 }))

  test('makes nothing while starts of its own wait: they make their pods themselves', () =>
    expect(planPool(input({ waiting: 2 })).create).toBe(0))

  test('does not take booting pods from starts that wait for them', () =>
    expect(
      planPool(input({ size: 0, waiting: 2, pods: [pod('a', { ready: false }), pod('b', { ready: false })] })),
    ).toEqual({
      create: 0,
      remove: [],
    }))

  test('replaces pods of an older template', () =>
    expect(planPool(input({ pods: [pod('old', { current: false }), pod('a')] }))).toEqual({
      create: 2,
      remove: ['old'],
    }))

  test('lets pods of another template boot for a while: another controller may know a newer one, and wait for them', () => {
    const other = pod('other', { ready: false, current: false, createdAtMs: NOW - 100 })
    const slow = pod('slow', { ready: false, current: false, createdAtMs: NOW - 5_000 })
    const up = pod('up', { current: false, createdAtMs: NOW - 100 })
    const plan = planPool(input({ size: 0, pods: [other, slow, up] }))
    expect(plan).toEqual({ create: 0, remove: ['slow', 'up'], againAtMs: NOW + 4_900 })
    expect(planPool(input({ size: 0, used: false, pods: [other] })).remove).toEqual(['other'])
  })

  test('removes what is above the size: booting before ready, young before old, never a new-born', () => {
    const pods = [
      pod('old'),
      pod('young', { createdAtMs: NOW - 10_000 }),
      pod('booting', { ready: false }),
      pod('new-born', { ready: false, createdAtMs: NOW - 100 }),
    ]
    expect(planPool(input({ size: 1, pods }))).toEqual({
      create: 0,
      remove: ['booting', 'young'],
      againAtMs: NOW + 4_900,
    })
  })

  test('empties a pool that no Function uses, new-borns too', () =>
    expect(
      planPool(input({ size: 0, used: false, pods: [pod('a'), pod('b', { createdAtMs: NOW })] })).remove.sort(),
    ).toEqual(['a', 'b']))

  test('waits out the back-off and then tries one at a time while pods die at boot', () => {
    const boot = { failures: 4, notBeforeMs: NOW + 2_000 }
    expect(planPool(input({ boot }))).toEqual({ create: 0, remove: [], againAtMs: NOW + 2_000 })
    expect(planPool(input({ boot, nowMs: NOW + 2_000 })).create).toBe(1)
    expect(planPool(input({ boot, nowMs: NOW + 2_000, creating: 1 })).create).toBe(0)
  })

  const anyPod = fc.record({
    uid: fc.uuid(),
    ready: fc.boolean(),
    current: fc.boolean(),
    createdAtMs: fc.integer({ min: NOW - 20_000, max: NOW }),
  })
  const anyInput = fc.record({
    nowMs: fc.constant(NOW),
    size: fc.nat(10),
    used: fc.constant(true),
    pods: fc.array(anyPod, { maxLength: 15 }),
    creating: fc.nat(5),
    waiting: fc.nat(5),
    refillAtMs: fc.constantFrom(0, NOW + 100),
    boot: fc.constantFrom({ failures: 0, notBeforeMs: 0 }, { failures: 5, notBeforeMs: NOW + 500 }),
  })

  test('never makes and removes current pods in one plan, and never exceeds the size', () => {
    fc.assert(
      fc.property(anyInput, (given) => {
        const { create, remove } = planPool(given)
        const current = given.pods.filter((each) => each.current)
        const removedCurrent = current.filter(({ uid }) => remove.includes(uid)).length
        expect(create === 0 || removedCurrent === 0).toBe(true)
        if (create > 0) expect(current.length + given.creating + create).toBeLessThanOrEqual(given.size)
        expect(current.length - removedCurrent).toBeGreaterThanOrEqual(
          Math.min(current.length, given.size + given.waiting),
        )
      }),
    )
  })

  test('settles: after its plan is carried out, the next one asks for nothing that is due', () => {
    fc.assert(
      fc.property(anyInput, (given) => {
        const { create, remove } = planPool(given)
        const next = {
          ...given,
          pods: given.pods.filter(({ uid }) => !remove.includes(uid)),
          creating: given.creating + create,
        }
        const after = planPool(next)
        expect(after.create).toBe(0)
        expect(after.remove).toEqual([])
      }),
    )
  })
})
