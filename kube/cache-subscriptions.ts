import type { KubeObject } from '../api/object.ts'
import type { CacheHandler } from './cluster.ts'

interface Subscription {
  handler: CacheHandler<KubeObject>
  /** Has been told of everything known: takes part in changes from now on. */
  isLive: boolean
}

export interface CacheSubscriptionsOptions {
  known: () => Iterable<KubeObject>
  /** Runs it later: subscribers are told of what is known, but not within their call. */
  soon: (tell: () => void) => void
  /** A handler threw; the others are told all the same. */
  onError: (error: unknown) => void
}

/** Who is told of a cache's changes, of both adapters: first of everything known, then of every change in order. */
export class CacheSubscriptions {
  readonly #options: CacheSubscriptionsOptions
  readonly #all = new Set<Subscription>()

  constructor(options: CacheSubscriptionsOptions) {
    this.#options = options
  }

  /** Returns the unsubscribe. */
  add(handler: CacheHandler<KubeObject>): () => void {
    const subscription: Subscription = { handler, isLive: false }
    this.#all.add(subscription)
    this.#options.soon(() => {
      for (const object of this.#options.known()) this.#tell(subscription, (told) => told.added?.(object))
      subscription.isLive = true
    })
    return () => void this.#all.delete(subscription)
  }

  clear(): void {
    this.#all.clear()
  }

  tellAll(call: (handler: CacheHandler<KubeObject>) => void): void {
    for (const subscription of this.#all) if (subscription.isLive) this.#tell(subscription, call)
  }

  // Checked again before every call: a handler may unsubscribe others, or stop the cache.
  #tell(subscription: Subscription, call: (handler: CacheHandler<KubeObject>) => void): void {
    if (!this.#all.has(subscription)) return
    try {
      call(subscription.handler)
    } catch (error) {
      this.#options.onError(error)
    }
  }
}
