/** Starts that wait for a pod, per pool, oldest first. */
import { objectKey, type ObjectKey } from '../../api/names.ts'
import type { PodStartError } from './fleet.ts'
import type { PodClaim, PodRecord } from './pod-record.ts'

export type WantedClaim = Omit<PodClaim, 'claimedAtMs' | 'acknowledges'>

export interface SuppliedPod {
  record: PodRecord
  /** Whether it was waiting when it was asked for. */
  source: 'pool' | 'new'
}

export interface WaitingStart {
  readonly pool: ObjectKey
  readonly claim: WantedClaim
  /** Pods that died at boot while this was the oldest to wait. */
  deaths: number
  readonly resolve: (pod: SuppliedPod) => void
  readonly reject: (error: PodStartError) => void
  readonly stopTimer: () => void
}

export class WaitingStarts {
  readonly #pools = new Map<ObjectKey, WaitingStart[]>()
  #total = 0

  get total(): number {
    return this.#total
  }

  of(pool: ObjectKey): readonly WaitingStart[] {
    return this.#pools.get(pool) ?? []
  }

  all(): WaitingStart[] {
    return [...this.#pools.values()].flat()
  }

  add(start: WaitingStart): void {
    this.#pools.set(start.pool, [...this.of(start.pool), start])
    this.#total += 1
  }

  /** False when it does not wait any more. */
  remove(start: WaitingStart): boolean {
    const before = this.of(start.pool)
    const others = before.filter((other) => other !== start)
    if (others.length === before.length) return false
    if (others.length === 0) this.#pools.delete(start.pool)
    else this.#pools.set(start.pool, others)
    start.stopTimer()
    this.#total -= 1
    return true
  }

  fail(start: WaitingStart, error: PodStartError): void {
    if (this.remove(start)) start.reject(error)
  }

  failAll(starts: readonly WaitingStart[], error: PodStartError): void {
    for (const start of starts) this.fail(start, error)
  }

  /** How many wait for a pod of this revision. */
  countOf(key: ObjectKey, revision: string): number {
    const isOf = ({ claim }: WaitingStart) =>
      claim.revision === revision && objectKey(claim.function.namespace, claim.function.name) === key
    return this.all().filter(isOf).length
  }
}
