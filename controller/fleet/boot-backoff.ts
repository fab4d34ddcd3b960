/** Keeps pods that die before they are up from becoming a hot loop: per namespace and runtime, forgotten with the first that boots. */
import type { ObjectKey } from '../../api/names.ts'
import { backoffMs } from '../../lib/backoff.ts'

/** Fewer failures in a row than this may be bad luck and delay nothing. */
const TOLERATED = 2
const BACKOFF = { firstMs: 1_000, longestMs: 60_000 }

export interface BootState {
  /** Failures in a row. */
  failures: number
  /** Epoch ms. */
  lastAtMs: number
  /** Epoch ms before which no pod should be created. */
  notBeforeMs: number
  /** Why the last one failed. */
  lastMessage: string
  /** Their namespace is being deleted: nobody need be told. */
  ending?: boolean
}

export interface BootFailure {
  message: string
  createdAtMs: number
  nowMs: number
  ending?: boolean
}

const HEALTHY: BootState = { failures: 0, lastAtMs: 0, notBeforeMs: 0, lastMessage: '' }

export class BootBackoff {
  readonly #states = new Map<ObjectKey, BootState>()

  get(pool: ObjectKey): BootState {
    return this.#states.get(pool) ?? HEALTHY
  }

  /** One has come up, or nobody uses the pool any more. */
  forget(pool: ObjectKey): void {
    this.#states.delete(pool)
  }

  /** Pods that were on their way when another failed tell nothing new: pods that boot together fail together. */
  failed(pool: ObjectKey, failure: BootFailure): void {
    const { message, createdAtMs, nowMs, ending = false } = failure
    const before = this.get(pool)
    if (before.failures > 0 && createdAtMs < before.lastAtMs) return
    const failures = before.failures + 1
    const excess = failures - TOLERATED
    const delayMs = excess <= 0 ? 0 : backoffMs(excess, BACKOFF)
    this.#states.set(pool, { failures, lastAtMs: nowMs, notBeforeMs: nowMs + delayMs, lastMessage: message, ending })
  }
}
