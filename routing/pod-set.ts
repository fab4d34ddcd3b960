/**
 * The pods of one function as this data plane knows them: from the feed, from activations' answers that the feed has not caught up
 * with, and those already taken away that still run something. Says through `onAvailable` when one can be picked again.
 */
import type { ActivationAnswer, FeedEndpoint } from '../api/protocol.ts'
import type { Clock } from '../lib/clock.ts'
import { blockMs, type BlockCause } from './block-policy.ts'
import { PodSlots, SlotTable } from './slot-table.ts'

/** Milliseconds per phase as the controller measured them. */
export type WakePhases = Extract<ActivationAnswer, { outcome: 'endpoint' }>['phases']

/** How long a pod known from an activation only is believed before the feed must have brought it. */
const UNLISTED_LIFE_MS = 10_000
const REMEMBERED_REMOVALS = 256

export class PodSet {
  readonly table = new SlotTable()
  readonly #clock: Clock
  readonly #onAvailable: () => void
  readonly #pods = new Map<string, PodSlots>()
  /** Out of the feed, still running something. */
  readonly #leaving = new Set<PodSlots>()
  /** Pods the feed has taken away: a late activation answer must not bring them back. */
  readonly #removed = new Set<string>()
  /** Pods not in the feed yet, with the timer that forgets them. */
  readonly #unlisted = new Map<PodSlots, () => void>()
  /** Of wake-ups asked for here, for those who waited. */
  readonly #phases = new WeakMap<PodSlots, WakePhases>()

  constructor(clock: Clock, onAvailable: () => void) {
    this.#clock = clock
    this.#onAvailable = onAvailable
  }

  /** Pods that can take requests or are merely full. */
  get usable(): number {
    let full = 0
    for (const pod of this.#pods.values()) if (pod.blockReason === 'full') full++
    return this.table.size + full
  }

  *all(): Iterable<PodSlots> {
    yield* this.#pods.values()
    yield* this.#leaving
  }

  phasesOf(pod: PodSlots): WakePhases | undefined {
    return this.#phases.get(pod)
  }

  /** An activation's answer. True when it is a pod not known before. */
  offer(endpoint: FeedEndpoint, phases?: WakePhases): boolean {
    if (this.#removed.has(endpoint.id)) return false
    const known = this.#pods.get(endpoint.id)
    const pod = known ?? this.#add(endpoint, false)
    if (phases !== undefined) this.#phases.set(pod, phases)
    if (known !== undefined) return false
    const expire = () => (pod.listed ? undefined : this.#drop(pod))
    this.#unlisted.set(pod, this.#clock.after(UNLISTED_LIFE_MS, expire))
    return true
  }

  /** The feed's pods of the serving revision. `onlyRevision`: pods known from activations must have it too. */
  replace(serving: readonly FeedEndpoint[], onlyRevision?: string): void {
    const ids = new Set(serving.map(({ id }) => id))
    for (const pod of [...this.#pods.values()]) {
      const stale = onlyRevision !== undefined && pod.endpoint.revision !== onlyRevision
      if (!ids.has(pod.endpoint.id) && (pod.listed || stale)) this.#drop(pod)
    }
    for (const endpoint of serving) this.#list(endpoint)
  }

  /** Leaves the pod out for a while; see block-policy. */
  block(pod: PodSlots, cause: BlockCause): void {
    if (pod.gone) return
    pod.block?.()
    this.table.remove(pod)
    pod.blockReason = cause === 'busy' ? 'full' : 'unusable'
    pod.strikes++
    pod.block = this.#clock.after(blockMs(cause, pod.strikes), () => this.#unblock(pod))
  }

  /** A request of this pod has ended. */
  released(pod: PodSlots): void {
    this.table.count(pod, pod.inFlight - 1)
    if (pod.gone && pod.inFlight === 0) this.#leaving.delete(pod)
  }

  clear(): void {
    for (const pod of [...this.#pods.values()]) this.#drop(pod)
  }

  #list(endpoint: FeedEndpoint): void {
    const pod = this.#pods.get(endpoint.id)
    if (pod === undefined) {
      this.#removed.delete(endpoint.id)
      this.#add(endpoint, true)
      return
    }
    const confirmed = !pod.listed || pod.endpoint !== endpoint
    pod.listed = true
    this.#forgetTimer(pod)
    pod.endpoint = endpoint
    if (confirmed && pod.blockReason === 'unusable') this.#unblock(pod)
  }

  #add(endpoint: FeedEndpoint, listed: boolean): PodSlots {
    const pod = new PodSlots(endpoint, { listed, addedAtMs: this.#clock.now() })
    this.#pods.set(endpoint.id, pod)
    this.table.add(pod)
    return pod
  }

  #drop(pod: PodSlots): void {
    this.#pods.delete(pod.endpoint.id)
    this.table.remove(pod)
    this.#forgetTimer(pod)
    pod.block?.()
    pod.gone = true
    if (pod.inFlight > 0) this.#leaving.add(pod)
    if (pod.listed) this.#remember(pod.endpoint.id)
  }

  #forgetTimer(pod: PodSlots): void {
    this.#unlisted.get(pod)?.()
    this.#unlisted.delete(pod)
  }

  #remember(id: string): void {
    this.#removed.add(id)
    for (const oldest of this.#removed) {
      if (this.#removed.size <= REMEMBERED_REMOVALS) break
      this.#removed.delete(oldest)
    }
  }

  #unblock(pod: PodSlots): void {
    pod.block?.()
    pod.block = pod.blockReason = undefined
    if (pod.gone) return
    this.table.add(pod)
    this.#onAvailable()
  }
}
