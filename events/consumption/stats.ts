/** Counts of one subscription since this process began with it, and its last failures: what operators and metrics read. */
import type { ErrorClass, Failure } from '../delivery.ts'
import { EventLogError, type Consumer } from '../event-log.ts'

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
  circuitOpened = 0
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

/** Of a consumption. */
export interface Consumers {
  readonly sources: ConsumerStats
  readonly tiers: ConsumerStats
}

/** Of one consumer of the log. */
export class ConsumerStats {
  commits = 0
  /** They were tried again. */
  commitFailures = 0
  /** Of all commits, and of the last one. */
  commitMs = 0
  lastCommitMs: number | undefined
  /** Those it met and went on after. */
  errors = 0
  /** Times that it was given partitions: first, and whenever its group was shared out anew. */
  rebalances = 0
  /** Stored, each with its commit. */
  handOvers = 0
  /** The partition was taken away meanwhile: whoever has it now knows what became of them. */
  handOversLost = 0
  lastError: { atMs: number; message: string } | undefined

  /** The same, counted. */
  counting(handOver: NonNullable<Consumer['handOver']>): NonNullable<Consumer['handOver']> {
    return async (records, commit) => {
      try {
        await handOver(records, commit)
        this.handOvers++
      } catch (error) {
        if (error instanceof EventLogError && error.code === 'not-assigned') this.handOversLost++
        throw error
      }
    }
  }

  committed(durationMs: number): void {
    this.commits++
    this.commitMs += durationMs
    this.lastCommitMs = durationMs
  }

  error(error: Error, atMs: number): void {
    this.errors++
    this.lastError = { atMs, message: error.message.slice(0, 500) }
  }
}
