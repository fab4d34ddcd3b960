/** Counts of one subscription since this process began with it, and its last failures: what operators and metrics read. */
import type { ErrorClass, Failure } from '../delivery.ts'

export interface RecentError {
  atMs: number
  deliveryId: string
  attempt: number
  class: ErrorClass
  message: string
}

const REMEMBERED_ERRORS = 10

export class Stats {
  done = 0
  filtered = 0
  held = 0
  duplicates = 0
  publishFailures = 0
  /** Failed attempts, retries and dead letters by what they are told apart by. */
  readonly failed = new Map<ErrorClass, number>()
  readonly rejected = new Map<ErrorClass, number>()
  readonly retriedAfterMs = new Map<number, number>()
  readonly deadLetters = new Map<ErrorClass, number>()
  readonly recentErrors: RecentError[] = []
  /** Of calls that ended, a moving mean; undefined before the first. */
  meanCallMs: number | undefined

  count<K>(counts: Map<K, number>, key: K): void {
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }

  error(failure: Failure, at: Omit<RecentError, 'class' | 'message'>): void {
    this.recentErrors.push({ ...at, class: failure.class, message: failure.message.slice(0, 500) })
    if (this.recentErrors.length > REMEMBERED_ERRORS) this.recentErrors.shift()
  }

  called(durationMs: number): void {
    const before = this.meanCallMs ?? durationMs
    this.meanCallMs = before + (durationMs - before) * 0.1
  }
}
