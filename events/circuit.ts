/**
 * Keeps a topic from being poured into retry tiers and dead letters while the function behind it is down: opens when over half of at least
 * 20 attempts within 10 s failed for reasons of infrastructure, then lets one record try now and then. Pure: time is a parameter.
 */
import type { ErrorClass } from './delivery.ts'

export interface CircuitPolicy {
  windowMs: number
  minAttempts: number
  firstProbeMs: number
  longestProbeMs: number
}

export const DEFAULT_CIRCUIT: CircuitPolicy = {
  windowMs: 10_000,
  minAttempts: 20,
  firstProbeMs: 1_000,
  longestProbeMs: 30_000,
}

const INFRASTRUCTURE: ReadonlySet<ErrorClass> = new Set(['connect', 'timeout'])
const SLICES = 10

export class Circuit {
  readonly #policy: CircuitPolicy
  /** Attempts and infrastructure failures by slice of the window. */
  #slices: { at: number; attempts: number; failures: number }[] = []
  #failedProbes = 0
  #isOpen = false

  constructor(policy: CircuitPolicy = DEFAULT_CIRCUIT) {
    this.#policy = policy
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  /** An attempt that reached its end; undefined class: it did not fail. Returns how long to wait before the next probe when it is open then. */
  record(errorClass: ErrorClass | undefined, nowMs: number): number | undefined {
    const isFailure = errorClass !== undefined && INFRASTRUCTURE.has(errorClass)
    if (this.#isOpen) return isFailure ? this.#probeFailed() : this.#close()
    this.#count(isFailure, nowMs)
    if (!isFailure || !this.#isTooMuch()) return undefined
    this.#isOpen = true
    this.#failedProbes = 0
    return this.#policy.firstProbeMs
  }

  #probeFailed(): number {
    this.#failedProbes++
    return Math.min(this.#policy.longestProbeMs, this.#policy.firstProbeMs * 2 ** this.#failedProbes)
  }

  #close(): undefined {
    this.#isOpen = false
    this.#slices = []
  }

  #count(isFailure: boolean, nowMs: number): void {
    const sliceMs = this.#policy.windowMs / SLICES
    const at = Math.floor(nowMs / sliceMs)
    let slice = this.#slices.at(-1)
    if (slice?.at !== at) {
      slice = { at, attempts: 0, failures: 0 }
      this.#slices = [...this.#slices.filter((old) => old.at > at - SLICES && old.at < at), slice]
    }
    slice.attempts++
    if (isFailure) slice.failures++
  }

  #isTooMuch(): boolean {
    let attempts = 0
    let failures = 0
    for (const slice of this.#slices) {
      attempts += slice.attempts
      failures += slice.failures
    }
    return attempts >= this.#policy.minAttempts && failures * 2 > attempts
  }
}
