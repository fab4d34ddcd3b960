/**
 * Which of a partition's buffered records may start now.
 *   unordered  any
 *   key        one per key (in a batch: a run of them); records without a key hold up nobody
 *   partition  one at a time
 * A record that was taken holds its lane until it is released: done, or put back to be tried again as the first of its lane. Every step
 * is O(1).
 */
import type { Ordering } from './subscription.ts'

export interface Admission<T> {
  /** Buffered and not taken. */
  readonly waiting: number
  /** Could be taken now. */
  readonly ready: number
  push(key: Buffer | null, item: T): void
  /** At most `max`; several of one lane only in one call, in order: they are one batch. */
  take(max: number): T[]
  /** The item is done. */
  release(item: T): void
  /** The item is to be taken again, before all others of its lane. Of several, the last one first. */
  putBack(item: T): void
}

export function createAdmission<T>(ordering: Ordering): Admission<T> {
  return ordering === 'unordered' ? new FreeAdmission<T>() : new LaneAdmission<T>(ordering)
}

/** First in, first out, with a cheap front. */
class Queue<T> {
  #items: T[] = []
  #head = 0

  get size(): number {
    return this.#items.length - this.#head
  }

  push(item: T): void {
    this.#items.push(item)
  }

  unshift(item: T): void {
    if (this.#head > 0) this.#items[--this.#head] = item
    else this.#items.unshift(item)
  }

  shift(): T | undefined {
    if (this.size === 0) return undefined
    const item = this.#items[this.#head]
    // The slot must not keep the record alive.
    this.#items[this.#head++] = undefined as T
    if (this.#head > 256 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head)
      this.#head = 0
    }
    return item
  }
}

class FreeAdmission<T> implements Admission<T> {
  readonly #queue = new Queue<T>()

  get waiting(): number {
    return this.#queue.size
  }

  get ready(): number {
    return this.#queue.size
  }

  push(_key: Buffer | null, item: T): void {
    this.#queue.push(item)
  }

  take(max: number): T[] {
    const items: T[] = []
    while (items.length < max && this.#queue.size > 0) items.push(this.#queue.shift() as T)
    return items
  }

  release(): void {
    // Nobody waits for it.
  }

  putBack(item: T): void {
    this.#queue.unshift(item)
  }
}

interface Lane<T> {
  name: string | undefined
  items: Queue<T>
  /** Items of it that were taken and neither released nor put back. */
  taken: number
}

class LaneAdmission<T> implements Admission<T> {
  readonly #isOneLane: boolean
  readonly #lanes = new Map<string, Lane<T>>()
  readonly #readyLanes = new Queue<Lane<T>>()
  readonly #taken = new Map<T, Lane<T>>()
  #waiting = 0
  #ready = 0

  constructor(ordering: 'key' | 'partition') {
    this.#isOneLane = ordering === 'partition'
  }

  get waiting(): number {
    return this.#waiting
  }

  get ready(): number {
    return this.#ready
  }

  push(key: Buffer | null, item: T): void {
    const lane = this.#laneOf(key)
    lane.items.push(item)
    this.#waiting++
    if (lane.taken > 0) return
    this.#ready++
    if (lane.items.size === 1) this.#readyLanes.push(lane)
  }

  take(max: number): T[] {
    const items: T[] = []
    while (items.length < max) {
      const lane = this.#readyLanes.shift()
      if (lane === undefined) break
      this.#ready -= lane.items.size
      this.#takeFrom(lane, max, items)
    }
    return items
  }

  release(item: T): void {
    const lane = this.#untake(item)
    if (lane === undefined || lane.taken > 0) return
    if (lane.items.size > 0) this.#open(lane)
    else if (lane.name !== undefined) this.#lanes.delete(lane.name)
  }

  putBack(item: T): void {
    const lane = this.#untake(item)
    if (lane === undefined) return
    lane.items.unshift(item)
    this.#waiting++
    if (lane.taken === 0) this.#open(lane)
  }

  #takeFrom(lane: Lane<T>, max: number, items: T[]): void {
    while (items.length < max) {
      const item = lane.items.shift()
      if (item === undefined) return
      items.push(item)
      lane.taken++
      this.#waiting--
      this.#taken.set(item, lane)
    }
  }

  #open(lane: Lane<T>): void {
    this.#ready += lane.items.size
    this.#readyLanes.push(lane)
  }

  #untake(item: T): Lane<T> | undefined {
    const lane = this.#taken.get(item)
    this.#taken.delete(item)
    if (lane !== undefined) lane.taken--
    return lane
  }

  #laneOf(key: Buffer | null): Lane<T> {
    const name = this.#isOneLane ? '' : key?.toString('latin1')
    if (name === undefined) return { name, items: new Queue<T>(), taken: 0 }
    const lane = this.#lanes.get(name) ?? { name, items: new Queue<T>(), taken: 0 }
    this.#lanes.set(name, lane)
    return lane
  }
}
