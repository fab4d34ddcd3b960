/**
 * What is consumed, and what becomes of records that fail: plain data, made by the dispatcher from the feed.
 * One Subscription is a Trigger (kafka or cron) or the asynchronous invocations of one Function.
 */
import type { StartFrom } from './event-log.ts'

/** How many records may be in flight, and what a failing one holds up. See docs/events.md. */
export type Ordering = 'unordered' | 'key' | 'partition'

export interface RetryPolicy {
  /** Of the first attempt and all retries together; 1 = no retry. */
  maxAttempts: number
  backoff: { initialMs: number; factor: number; maxMs: number }
  /** Since the first failure (`since: failure`) or since the record's own timestamp (`since: record`); then it is dead-lettered. */
  maxAge: { ms: number; since: 'failure' | 'record' }
}

export interface Subscription {
  /** `namespace/name` of the Trigger or Function; names it in headers, metrics and messages. */
  key: string
  kind: 'trigger' | 'async'
  /** Changes when the object is deleted and made anew: groups of the old one are never continued. */
  uid: string
  /** `namespace/name` of the Function that is called. */
  functionKey: string
  /** Source topics. */
  topics: readonly string[]
  startFrom: StartFrom
  ordering: Ordering
  retry: RetryPolicy
  /** `block`: a record that cannot be handled stops its partition (ordering partition) or key (ordering key) instead of going to the dead letters. */
  onExhausted: 'deadLetter' | 'block'
  /** Records go to the function in batches of up to `size`, collected for at most `windowMs`. Absent: one by one. */
  batch?: { size: number; windowMs: number; bisect: boolean }
}
