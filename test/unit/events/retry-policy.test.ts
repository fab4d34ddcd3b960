import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import {
  decideRetry,
  delayAfter,
  isExpired,
  leftOfWaitMs,
  tierAfter,
  tierDelays,
} from '../../../events/retry-policy.ts'
import type { RetryPolicy } from '../../../events/subscription.ts'

const policy = (part: Partial<RetryPolicy> = {}): RetryPolicy => ({
  maxAttempts: 5,
  backoff: { initialMs: 1_000, factor: 2, maxMs: 300_000 },
  maxAge: { ms: 86_400_000, since: 'failure' },
  ...part,
})
const backoff = (initialMs: number, factor: number, maxMs: number) => ({ initialMs, factor, maxMs })
const failed = { firstFailedAtMs: 0, recordTimestampMs: 0, nowMs: 0 }

test.each([
  ['doubling', policy(), [1_000, 2_000, 4_000, 8_000]],
  ['equal delays share a tier', policy({ backoff: backoff(500, 1, 500) }), [500]],
  ['the maximum is a tier', policy({ backoff: backoff(1_000, 10, 5_000) }), [1_000, 5_000]],
  ['at most six', policy({ maxAttempts: 20 }), [1_000, 2_000, 4_000, 8_000, 16_000, 32_000]],
  ['no retry still has one, for replays', policy({ maxAttempts: 1 }), [1_000]],
])('tiers: %s', (_, of, want) => expect(tierDelays(of)).toEqual(want))

test('the delay is the one of the next attempt, not of the last', () => {
  const decisions = [1, 2, 3, 4].map((attempt) => decideRetry({ ...failed, policy: policy(), attempt }))
  expect(decisions.map((decision) => decision.kind === 'retry' && decision.delayMs)).toEqual([
    1_000, 2_000, 4_000, 8_000,
  ])
})

test.each([
  ['no longer than its own delay', 500, 1_000],
  ['exactly a delay of the policy', 4_000, 4_000],
  ['between two', 4_001, 8_000],
  ['longer than all', 3_600_000, 8_000],
])('a function that wants to be left alone for %s: %p ms become %p', (_, askedMs, delayMs) => {
  expect(decideRetry({ ...failed, policy: policy(), attempt: 1, askedMs })).toMatchObject({ delayMs, dueMs: delayMs })
})

test('what a function wants never costs an attempt that maxAge allows, and never shortens a delay', () => {
  const of = policy({ maxAge: { ms: 3_000, since: 'failure' } })
  expect(decideRetry({ ...failed, policy: of, attempt: 1, askedMs: 60_000 })).toMatchObject({ delayMs: 2_000 })
  expect(decideRetry({ ...failed, policy: of, attempt: 2, askedMs: 60_000, nowMs: 1_000 })).toMatchObject({
    ...{ kind: 'retry', delayMs: 2_000 },
  })
  expect(decideRetry({ ...failed, policy: policy(), attempt: 4, askedMs: 1 })).toMatchObject({ delayMs: 8_000 })
  expect(decideRetry({ ...failed, policy: policy(), attempt: 5, askedMs: 1 }).kind).toBe('exhausted')
})

test('after the last attempt there is no other', () => {
  expect(decideRetry({ ...failed, policy: policy(), attempt: 5 })).toEqual({ kind: 'exhausted', expired: false })
  expect(decideRetry({ ...failed, policy: policy({ maxAttempts: 1 }), attempt: 1 }).kind).toBe('exhausted')
})

test('an attempt that would be later than maxAge is not waited for', () => {
  const of = policy({ maxAge: { ms: 10_000, since: 'failure' } })
  expect(decideRetry({ ...failed, policy: of, attempt: 1, nowMs: 9_000 }).kind).toBe('retry')
  expect(decideRetry({ ...failed, policy: of, attempt: 1, nowMs: 9_001 })).toEqual({ kind: 'exhausted', expired: true })
})

test('age counts from the record where the policy says so, also without any attempt', () => {
  const of = policy({ maxAge: { ms: 10_000, since: 'record' } })
  const late = { ...failed, policy: of, attempt: 1, firstFailedAtMs: 9_500, nowMs: 9_500 }
  expect(decideRetry(late)).toEqual({ kind: 'exhausted', expired: true })
  expect([isExpired(of, 0, 10_000), isExpired(of, 0, 10_001)]).toEqual([false, true])
  expect(isExpired(policy({ maxAge: { ms: 1, since: 'failure' } }), 0, 10_000)).toBe(false)
})

test('for any policy: never early, delays never fall, every delay has its tier, attempts end', () => {
  const any = fc.record({
    maxAttempts: fc.integer({ min: 1, max: 100 }),
    backoff: fc.record({
      initialMs: fc.integer({ min: 10, max: 3_600_000 }),
      factor: fc.double({ min: 1, max: 10, noNaN: true }),
      maxMs: fc.integer({ min: 10, max: 86_400_000 }),
    }),
  })
  fc.assert(
    fc.property(any, fc.nat(2 ** 41), (part, nowMs) => {
      const of = policy({ ...part, maxAge: { ms: Number.MAX_SAFE_INTEGER, since: 'failure' } })
      const tiers = tierDelays(of)
      expect(tiers.length).toBeLessThanOrEqual(6)
      let before = 0
      for (let attempt = 1; attempt < of.maxAttempts; attempt++) {
        const decision = decideRetry({ ...failed, policy: of, attempt, firstFailedAtMs: nowMs, nowMs })
        if (decision.kind !== 'retry') throw new Error('expected a retry')
        expect(tiers).toContain(decision.delayMs)
        expect(decision.delayMs).toBeGreaterThanOrEqual(before)
        expect(decision.dueMs).toBe(nowMs + decision.delayMs)
        expect(decision.delayMs).toBeLessThanOrEqual(delayAfter(of, attempt))
        expect(tierAfter(of, attempt)).toBe(decision.delayMs)
        before = decision.delayMs
      }
      expect(decideRetry({ ...failed, policy: of, attempt: of.maxAttempts }).kind).toBe('exhausted')
    }),
  )
})

test('a wait in place that goes on elsewhere is as long as it may still be, and never longer than its delay', () => {
  const of = policy({ maxAttempts: 3, backoff: backoff(1_000, 2, 60_000) })
  const left = (failures: number, nowMs: number) => leftOfWaitMs(of, { failures, firstFailedAtMs: 10, nowMs })
  expect([left(1, 10), left(1, 510), left(1, 1_010)]).toEqual([1_000, 500, 0])
  expect([left(2, 1_010), left(2, 1_510)]).toEqual([2_000, 1_500])
  // Blocked: its attempts are used up.
  expect([left(3, 3_010), left(5, 123_010)]).toEqual([60_000, 60_000])
  // The clock was set back by a day.
  expect([left(1, -86_400_000), left(2, -86_400_000)]).toEqual([1_000, 2_000])
})
