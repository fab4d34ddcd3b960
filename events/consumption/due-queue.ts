/** Entries by the time they are due, then by offset: a binary heap. */
import type { Entry } from './entry.ts'

export class DueQueue {
  readonly #heap: { dueMs: number; entry: Entry }[] = []

  get size(): number {
    return this.#heap.length
  }

  /** Of the first; undefined when there is none. */
  get nextDueMs(): number | undefined {
    return this.#heap[0]?.dueMs
  }

  push(dueMs: number, entry: Entry): void {
    const heap = this.#heap
    let at = heap.length
    const item = { dueMs, entry }
    heap.push(item)
    while (at > 0) {
      const above = (at - 1) >> 1
      const parent = heap[above]
      if (parent === undefined || !isBefore(item, parent)) break
      heap[at] = parent
      at = above
    }
    heap[at] = item
  }

  /** The first one that is due at `nowMs`. */
  shift(nowMs: number): Entry | undefined {
    const first = this.#heap[0]
    if (first === undefined || first.dueMs > nowMs) return undefined
    const last = this.#heap.pop()
    if (last !== undefined && this.#heap.length > 0) this.#sink(last)
    return first.entry
  }

  #sink(item: { dueMs: number; entry: Entry }): void {
    const heap = this.#heap
    let at = 0
    for (;;) {
      let below = 2 * at + 1
      const left = heap[below]
      const right = heap[below + 1]
      if (left === undefined) break
      if (right !== undefined && isBefore(right, left)) below++
      const child = heap[below]
      if (child === undefined || !isBefore(child, item)) break
      heap[at] = child
      at = below
    }
    heap[at] = item
  }
}

interface Item {
  dueMs: number
  entry: Entry
}

function isBefore(a: Item, b: Item): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.entry.record.offset < b.entry.record.offset)
}
