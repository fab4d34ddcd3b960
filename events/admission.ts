/**
 * Which of a partition's buffered records may start now.
 *   unordered  any
 *   key        one per key (in a batch: a run of them); records without a key hold up nobody
 *   partition  one at a time
 * A record that was taken holds its lane until it is released: done, or put back to be tried again as the first of its lane. Every step
 * is O(1).
 */
import { Queue } from '../lib/queue.ts'
import type { Ordering } from './subscription.ts'

/** In one admission at a time. */
export interface Admitted {
  /** The admission's: which lane it holds. */
  lane: unknown
}

export interface Admission<T extends Admitted> {
  /** Buffered and not taken. */
  readonly waiting: number
  /** Could be taken now. */
  readonly ready: number
  /** How many single takes would find something: what could run side by side now. */
  readonly lanes: number
  /** Of those ready, in lanes whose first was put back. They are taken before others. */
  readonly readyAgain: number
  push(key: Buffer | null, item: T): void
  /** As if it had been pushed and taken. False: others of its lane are before it, and nothing was done. */
  pushTaken(key: Buffer | null, item: T): boolean
  /** At most `max`; several of one lane only in one call, in order: they are one batch. `again`: only of lanes whose first was put back. */
  take(max: number, which?: 'all' | 'again'): T[]
  /** The item is done. */
  release(item: T): void
  /** The item is to be taken again, before all others of its lane. Of several, the last one first. */
  putBack(item: T): void
}

export function createAdmission<T extends Admitted>(ordering: Ordering): Admission<T> {
  return ordering === 'unordered' ? new FreeAdmission<T>() : new LaneAdmission<T>(ordering)
}

class FreeAdmission<T extends Admitted> implements Admission<T> {
  readonly #queue = new Queue<T>()

  get waiting(): number {
    return this.#queue.size
  }

  get ready(): number {
    return this.#queue.size
  }

  get lanes(): number {
    return this.#queue.size
  }

  /** Records that fail leave, and those that are held cost nothing: no need to tell. */
  get readyAgain(): number {
    return this.#queue.size
  }

  push(_key: Buffer | null, item: T): void {
    this.#queue.push(item)
  }

  pushTaken(): boolean {
    return true
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

class Lane<T extends object> extends Queue<T> {
  readonly name: string | undefined
  /** Items of it that were taken and neither released nor put back. */
  taken = 0
  /** Its first was put back. */
  isAgain = false

  constructor(name: string | undefined) {
    super()
    this.name = name
  }
}

class LaneAdmission<T extends Admitted> implements Admission<T> {
  readonly #isOneLane: boolean
  readonly #lanes = new Map<string, Lane<T>>()
  readonly #freshLanes = new Queue<Lane<T>>()
  readonly #againLanes = new Queue<Lane<T>>()
  #waiting = 0
  #ready = 0
  #readyAgain = 0

  constructor(ordering: 'key' | 'partition') {
    this.#isOneLane = ordering === 'partition'
  }

  get waiting(): number {
    return this.#waiting
  }

  get ready(): number {
    return this.#ready
  }

  get lanes(): number {
    return this.#freshLanes.size + this.#againLanes.size
  }

  get readyAgain(): number {
    return this.#readyAgain
  }

  push(key: Buffer | null, item: T): void {
    const lane = this.#laneOf(key)
    lane.push(item)
    this.#waiting++
    if (lane.taken > 0) return
    if (lane.size === 1) this.#open(lane, false)
    else this.#countReady(lane, 1)
  }

  pushTaken(key: Buffer | null, item: T): boolean {
    const lane = this.#laneOf(key)
    if (lane.taken > 0 || lane.size > 0) return false
    lane.taken++
    item.lane = lane
    return true
  }

  take(max: number, which: 'all' | 'again' = 'all'): T[] {
    const items: T[] = []
    while (items.length < max) {
      const lane = this.#againLanes.shift() ?? (which === 'all' ? this.#freshLanes.shift() : undefined)
      if (lane === undefined) break
      this.#countReady(lane, -lane.size)
      this.#takeFrom(lane, max, items)
    }
    return items
  }

  release(item: T): void {
    const lane = this.#untake(item)
    if (lane === undefined || lane.taken > 0) return
    if (lane.size > 0) this.#open(lane, lane.isAgain)
    else if (lane.name !== undefined) this.#lanes.delete(lane.name)
  }

  putBack(item: T): void {
    const lane = this.#untake(item)
    if (lane === undefined) return
    lane.unshift(item)
    lane.isAgain = true
    this.#waiting++
    if (lane.taken === 0) this.#open(lane, true)
  }

  #takeFrom(lane: Lane<T>, max: number, items: T[]): void {
    lane.isAgain = false
    while (items.length < max) {
      const item = lane.shift()
      if (item === undefined) return
      items.push(item)
      lane.taken++
      this.#waiting--
      item.lane = lane
    }
  }

  #open(lane: Lane<T>, isAgain: boolean): void {
    lane.isAgain = isAgain
    this.#countReady(lane, lane.size)
    if (isAgain) this.#againLanes.push(lane)
    else this.#freshLanes.push(lane)
  }

  #countReady(lane: Lane<T>, count: number): void {
    this.#ready += count
    if (lane.isAgain) this.#readyAgain += count
  }

  #untake(item: T): Lane<T> | undefined {
    const lane = item.lane as Lane<T> | undefined
    item.lane = undefined
    if (lane !== undefined) lane.taken--
    return lane
  }

  #laneOf(key: Buffer | null): Lane<T> {
    const name = this.#isOneLane ? '' : key?.toString('latin1')
    const known = name === undefined ? undefined : this.#lanes.get(name)
    if (known !== undefined) return known
    const lane = new Lane<T>(name)
    if (name !== undefined) this.#lanes.set(name, lane)
    return lane
  }
}
