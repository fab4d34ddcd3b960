import type { FeedRoute } from '../../api/protocol.ts'

/** The route table as triggers/ last made it: whole or not at all. */
export interface RouteBook {
  set(routes: readonly FeedRoute[]): void
  get(): readonly FeedRoute[]
  /** Returns the unsubscribe. */
  onChange(listener: () => void): () => void
}

export function createRouteBook(): RouteBook {
  let current: readonly FeedRoute[] = []
  const listeners = new Set<() => void>()
  return {
    get: () => current,
    set(routes) {
      current = routes
      listeners.forEach((listener) => listener())
    },
    onChange(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}
