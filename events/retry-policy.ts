/** What becomes of a failed attempt. Pure: no clock, no randomness. */
import type { Failure } from './delivery.ts'
import type { RetryPolicy } from './subscription.ts'

/** More different delays than this share the last tier. */
export const MAX_TIERS = 6

/** Delay after the `failures`-th failure, 1 for the first. */
export function delayAfter({ backoff }: Pick<RetryPolicy, 'backoff'>, failures: number): number {
  const { initialMs, factor, maxMs } = backoff
  return Math.round(Math.min(maxMs, initialMs * factor ** (failures - 1)))
}

/** The different delays of a policy, shortest use first: one retry topic each. At least one, which replays use too. */
export function tierDelays(policy: Pick<RetryPolicy, 'backoff' | 'maxAttempts'>): number[] {
  const delays = new Set([delayAfter(policy, 1)])
  for (let failures = 2; failures < policy.maxAttempts && delays.size < MAX_TIERS; failures++) {
    const before = delays.size
    delays.add(delayAfter(policy, failures))
    // Delays never fall: once two are the same, so are all that follow (factor 1, or the maximum).
    if (delays.size === before) break
  }
  return [...delays]
}

/** The delay of the tier that the record goes to after its `failures`-th failure. */
export function tierAfter(policy: Pick<RetryPolicy, 'backoff' | 'maxAttempts'>, failures: number): number {
  const tiers = tierDelays(policy)
  const delayMs = delayAfter(policy, failures)
  return tiers.includes(delayMs) ? delayMs : (tiers.at(-1) ?? delayMs)
}

export interface FailedAttempt {
  policy: RetryPolicy
  /** The one that failed, from 1. */
  attempt: number
  firstFailedAtMs: number
  recordTimestampMs: number
  nowMs: number
  /** How long the function wants to be left alone. */
  askedMs?: number | undefined
}

export type RetryDecision =
  | { kind: 'retry'; delayMs: number; dueMs: number }
  /** `expired`: there were attempts left, but no time. */
  | { kind: 'exhausted'; expired: boolean }

/** Never due earlier than the delay of the next attempt says. */
export function decideRetry(failed: FailedAttempt): RetryDecision {
  const { policy, attempt, firstFailedAtMs, recordTimestampMs, nowMs, askedMs = 0 } = failed
  if (attempt >= policy.maxAttempts) return { kind: 'exhausted', expired: false }
  const ownMs = tierAfter(policy, attempt)
  const sinceMs = policy.maxAge.since === 'failure' ? firstFailedAtMs : recordTimestampMs
  const mostMs = sinceMs + policy.maxAge.ms - nowMs
  if (ownMs > mostMs) return { kind: 'exhausted', expired: true }
  const delayMs = askedMs <= ownMs ? ownMs : tierFor(policy, { ownMs, askedMs, mostMs })
  return { kind: 'retry', delayMs, dueMs: nowMs + delayMs }
}

/** The shortest that is long enough; where none is, the longest: a tier has one delay, and an attempt that comes early is better than none. */
function tierFor(
  policy: RetryPolicy,
  { ownMs, askedMs, mostMs }: Record<'ownMs' | 'askedMs' | 'mostMs', number>,
): number {
  const allowed = tierDelays(policy).filter((delayMs) => delayMs >= ownMs && delayMs <= mostMs)
  return allowed.find((delayMs) => delayMs >= askedMs) ?? allowed.at(-1) ?? ownMs
}

/** A record that waits for its function without any attempt ages all the same when its policy counts from the record. */
export function isExpired(policy: RetryPolicy, recordTimestampMs: number, nowMs: number): boolean {
  return policy.maxAge.since === 'record' && nowMs - recordTimestampMs > policy.maxAge.ms
}

export interface WaitBegun {
  failures: number
  firstFailedAtMs: number
  nowMs: number
}

/**
 * Of the wait of a record in place that another began, who did not say when: until all waits since its first failure could be over,
 * however quickly each attempt failed; never longer than the last of them, wherever the clock was set. One that blocks waits longest.
 */
export function leftOfWaitMs(policy: RetryPolicy, { failures, firstFailedAtMs, nowMs }: WaitBegun): number {
  const delayMs = (failure: number) =>
    failure >= policy.maxAttempts ? policy.backoff.maxMs : tierAfter(policy, failure)
  const counted = Math.min(failures, policy.maxAttempts)
  let dueMs = firstFailedAtMs + (failures - counted) * policy.backoff.maxMs
  for (let failure = 1; failure <= counted; failure++) dueMs += delayMs(failure)
  return Math.min(dueMs - nowMs, delayMs(failures))
}

/** Of one whose next attempt would be too late. */
export function expired(last: Failure, { maxAge }: RetryPolicy): Failure {
  return { ...last, class: 'expired', message: `older than ${maxAge.ms} ms; last (${last.class}): ${last.message}` }
}

export function tooLargeToWait(last: Failure): Failure {
  const message = `too large to be stored for a retry, with what retries add to it; last (${last.class}): ${last.message}`
  return { ...last, class: 'too-large', message }
}
