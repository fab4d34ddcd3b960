import { afterEach, describe, expect, jest, test } from '@jest/globals'
import { setTimeout as delay } from 'node:timers/promises'
import { monotonicClock, steadyClock, wallClock } from '../../../lib/clock.ts'

describe.each([
  ['wall clock', wallClock],
  ['monotonic clock', monotonicClock],
  ['steady clock', steadyClock()],
] as const)('the %s', (_name, clock) => {
  test('never wakes anybody early, not by a part of a millisecond', async () => {
    const early: number[] = []
    const waits = Array.from({ length: 300 }, async (_, index) => {
      await delay(index / 7)
      const askedMs = 1 + (index % 20)
      const beganMs = performance.now()
      await new Promise<void>((resolve) => clock.after(askedMs, resolve))
      const waitedMs = performance.now() - beganMs
      if (waitedMs < askedMs) early.push(askedMs - waitedMs)
    })
    await Promise.all(waits)
    expect(early).toEqual([])
  })

  test('does not wake who cancelled, whether the first timer fired or not', async () => {
    let woken = 0
    const cancels = Array.from({ length: 50 }, (_, index) => clock.after(5 + index / 50, () => woken++))
    for (const cancel of cancels) cancel()
    await delay(20)
    expect(woken).toBe(0)
  })

  test('takes waits longer than a timer can be for what they are', async () => {
    let woken = false
    const cancel = clock.after(2 ** 31 + 5, () => (woken = true))
    await delay(10)
    cancel()
    expect(woken).toBe(false)
  })
})

describe('the steady clock', () => {
  afterEach(() => {
    jest.restoreAllMocks()
  })

  test('begins with the time of day', () => {
    const beforeMs = Date.now()
    const nowMs = steadyClock().now()
    expect(nowMs).toBeGreaterThan(beforeMs - 50)
    expect(nowMs).toBeLessThan(Date.now() + 50)
  })

  test.each([-3_600_000, 3_600_000])('goes on as before when the time of day is set by %d ms', (byMs) => {
    const clock = steadyClock()
    const [beforeMs, now] = [clock.now(), Date.now.bind(Date)]
    jest.spyOn(Date, 'now').mockImplementation(() => now() + byMs)
    const passedMs = clock.now() - beforeMs
    expect(passedMs).toBeGreaterThanOrEqual(0)
    expect(passedMs).toBeLessThan(60_000)
  })
})
