/**
 * Ends what takes too long. Everything with the same limit is due in the order it came, so a list per limit and one timer for its
 * first member do: adding and removing are O(1) and make no timer, as nearly all members leave long before they are due.
 */
import type { Clock } from '../lib/clock.ts'
import { LinkedList, type ListNode } from '../lib/linked-list.ts'

export interface Expiring extends ListNode {
  dueMs: number
  /** Called once; it has left by then. */
  expired(): void
}

interface Limit {
  members: LinkedList<Expiring>
  cancel: () => void
}

/** Rather a connection is lost than that much more time of whoever waits. */
const SOON_MS = 500

export class Deadlines {
  readonly #clock: Clock
  readonly #limits = new Map<number, Limit>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** A member is in one list only: who has a deadline cannot queue meanwhile. */
  add(member: Expiring, nowMs: number, limitMs: number): void {
    member.dueMs = nowMs + limitMs
    const limit = this.#limits.get(limitMs) ?? this.#begin(limitMs)
    limit.members.push(member)
  }

  remove(member: Expiring): void {
    member.list?.remove(member)
  }

  /** Instead of its own limit: what it waits for says nothing that matters any more, and only has to end. */
  soon(member: Expiring): void {
    this.remove(member)
    this.add(member, this.#clock.now(), SOON_MS)
  }

  /** Nothing expires any more. */
  stop(): void {
    for (const { cancel } of this.#limits.values()) cancel()
    this.#limits.clear()
  }

  /** The timer goes on when the list runs empty: with one request after the other it would be made anew for each. */
  #begin(limitMs: number): Limit {
    const limit: Limit = { members: new LinkedList<Expiring>(), cancel: () => undefined }
    this.#limits.set(limitMs, limit)
    this.#arm(limit, limitMs, limitMs)
    return limit
  }

  #arm(limit: Limit, limitMs: number, delayMs: number): void {
    limit.cancel = this.#clock.after(delayMs, () => this.#onTimer(limit, limitMs))
  }

  #onTimer(limit: Limit, limitMs: number): void {
    const nowMs = this.#clock.now()
    for (let first = limit.members.first; first !== undefined && first.dueMs <= nowMs; first = limit.members.first) {
      limit.members.remove(first)
      first.expired()
    }
    const next = limit.members.first
    if (next === undefined) this.#limits.delete(limitMs)
    else this.#arm(limit, limitMs, next.dueMs - nowMs)
  }
}
