import { expect, test } from '@jest/globals'
import { within } from '../../../lib/within.ts'
import { FakeClock } from '../../fakes/fake-clock.ts'

test('work that ends in time is waited for, and leaves no timer behind', async () => {
  const clock = new FakeClock()
  const { promise, resolve } = Promise.withResolvers<void>()
  const waiting = within(clock, 100, promise)
  clock.advance(99)
  resolve()
  expect(await waiting).toBe(true)
  expect(clock.pending).toBe(0)
})

test('work that takes longer is not waited for, and may fail then', async () => {
  const clock = new FakeClock()
  const { promise, reject } = Promise.withResolvers<void>()
  const waiting = within(clock, 100, promise)
  clock.advance(100)
  expect(await waiting).toBe(false)
  reject(new Error('late'))
  await new Promise((resolve) => setImmediate(resolve))
  expect(clock.pending).toBe(0)
})

test('what fails in time is thrown, and leaves no timer behind', async () => {
  const clock = new FakeClock()
  await expect(within(clock, 100, Promise.reject(new Error('no')))).rejects.toThrow('no')
  expect(clock.pending).toBe(0)
})
