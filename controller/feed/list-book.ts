import type { FeedRoute, FeedSubscription } from '../../api/protocol.ts'

/** A list as triggers/ last made it: whole or not at all. */
export interface ListBook<T> {
  set(items: readonly T[]): void
  get(): readonly T[]
  /** Returns the unsubscribe. */
  onChange(listener: () => void): () => void
}

export type RouteBook = ListBook<FeedRoute>
export type SubscriptionBook = ListBook<FeedSubscription>

export function createListBook<T>(): ListBook<T> {
  let current: readonly T[] = []
  const listeners = new Set<() => void>()
  return {
    get: () => current,
    set(items) {
      current = items
      listeners.forEach((listener) => listener())
    },
    onChange(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}
