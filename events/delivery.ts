/**
 * The way from the event machinery to whoever handles records, as the machinery sees it. The dispatcher implements it by calling functions;
 * tests by whatever they like.
 */
import type { LogRecord } from './event-log.ts'
import type { Subscription } from './subscription.ts'

/** Why an attempt failed; the value of `dormouse-error-class`. */
export type ErrorClass =
  | 'timeout'
  | 'connect'
  | 'http-5xx'
  | 'http-4xx'
  | 'handled'
  | 'unhandled'
  | 'decode'
  | 'too-large'
  /** Older than the policy's maxAge. */
  | 'expired'

/** One attempt at one record. */
export interface Delivery {
  record: LogRecord
  /** The same on every attempt, redelivery and replay: the user's idempotency key. */
  deliveryId: string
  /** 1 for the first. */
  attempt: number
  /** Where the record was first read: its source topic, not a retry tier. */
  origin: { topic: string; partition: number; offset: number; timestampMs: number }
}

export interface Failure {
  class: ErrorClass
  /** HTTP status of the function's answer, when there was one. */
  status?: number
  /** One line; cut to 1 KiB where it is stored. */
  message: string
}

/**
 * done: handled, acknowledge · filtered: not for this subscription, acknowledge without an attempt · duplicate: handled before, the same ·
 * later: looked at again then, without an attempt ·
 * failed: counts as an attempt; `error`: the object that the function answered, as it came, whole;
 * `isOwn`: it is known that this very record failed, whatever else was in its batch;
 * `retryAfterMs`: how long it wants to be left alone ·
 * rejected: trying again cannot help, dead letter at once ·
 * held: back-pressure (no pod, throttled, circuit open): costs no attempt, is tried again after about `retryAfterMs`.
 */
export type DeliveryOutcome =
  | { kind: 'done'; status?: number; body?: Buffer; contentType?: string }
  | { kind: 'filtered' }
  | { kind: 'duplicate' }
  | { kind: 'later'; afterMs: number }
  | { kind: 'failed'; failure: Failure; error?: Buffer; isOwn?: boolean; retryAfterMs?: number }
  | { kind: 'rejected'; failure: Failure }
  | { kind: 'held'; reason: string; retryAfterMs: number }

export interface Deliverer {
  /**
   * One outcome per delivery, in their order; never throws. More than one delivery only for subscriptions with `batch`.
   * When `signal` aborts, what runs may run on but its outcome is ignored; what waits for a slot must not begin: others have its records.
   */
  deliver(subscription: Subscription, deliveries: readonly Delivery[], signal: AbortSignal): Promise<DeliveryOutcome[]>
  /** How many calls for this function may run at once now, at least 1 while it exists: bounds what is admitted. */
  capacity(functionKey: string): number
}
