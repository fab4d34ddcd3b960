/**
 * Which pod takes the next request: the one with most free slots. All pods of a function have the same concurrency, so that is
 * the one with fewest requests in flight. Levels by in-flight count make pick, take and give back O(1); the oldest of a level goes
 * first, which spreads equal load round-robin.
 */
import type { FeedEndpoint } from '../api/protocol.ts'
import { LinkedList, ListNode } from '../lib/linked-list.ts'

/** One pod as this data plane sees it. */
export class PodSlots extends ListNode {
  endpoint: FeedEndpoint
  readonly origin: string
  readonly addedAtMs: number
  inFlight = 0
  /** In the feed; otherwise known from an activation's answer only. */
  listed: boolean
  /** No longer offered: its last requests run out. */
  gone = false
  /** Runs while it is out of the choice (busy, unreachable). */
  block: (() => void) | undefined = undefined
  /** Why it is out of the choice. `full` still counts as a pod that works. */
  blockReason: 'full' | 'unusable' | undefined = undefined
  /** Refusals and failures in a row; the next block is longer. */
  strikes = 0

  constructor(endpoint: FeedEndpoint, options: { listed: boolean; addedAtMs: number }) {
    super()
    this.endpoint = endpoint
    this.origin = `http://${endpoint.address}`
    this.listed = options.listed
    this.addedAtMs = options.addedAtMs
  }
}

export class SlotTable {
  #levels: LinkedList<PodSlots>[] = []
  #lowest = 0
  #size = 0

  /** Pods that can be picked or would be if they were not full. */
  get size(): number {
    return this.#size
  }

  add(pod: PodSlots): void {
    this.#level(pod.inFlight).push(pod)
    if (pod.inFlight < this.#lowest || this.#size === 0) this.#lowest = pod.inFlight
    this.#size++
  }

  remove(pod: PodSlots): void {
    if (this.#level(pod.inFlight).remove(pod)) this.#size--
  }

  /** The best pod with a free slot; `avoid` only when there is no other. */
  pick(concurrency: number, avoid?: PodSlots): PodSlots | undefined {
    const best = this.#best(concurrency)
    if (best === undefined || best !== avoid) return best
    this.remove(best)
    const other = this.#best(concurrency)
    this.add(best)
    return other ?? best
  }

  /** Moves a member to another in-flight count; for a pod that is no member only the count changes. */
  count(pod: PodSlots, inFlight: number): void {
    const member = this.#level(pod.inFlight).remove(pod)
    pod.inFlight = inFlight
    if (!member) return
    this.#level(inFlight).push(pod)
    if (inFlight < this.#lowest) this.#lowest = inFlight
  }

  #best(concurrency: number): PodSlots | undefined {
    if (this.#size === 0) return undefined
    while (this.#lowest < concurrency) {
      const pod = this.#level(this.#lowest).first
      if (pod !== undefined) return pod
      this.#lowest++
    }
    return undefined
  }

  #level(inFlight: number): LinkedList<PodSlots> {
    return (this.#levels[inFlight] ??= new LinkedList<PodSlots>())
  }
}
