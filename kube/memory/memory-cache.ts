import type { KubeObject } from '../../api/object.ts'
import type { Cache, CacheHandler, CacheOptions, ObjectRef } from '../cluster.ts'
import { scopedRef, type AnyKind } from '../kinds.ts'
import { matches, ObjectIndex } from '../object-index.ts'
import type { BackgroundQueue } from './background-queue.ts'
import type { Change } from './object-store.ts'

export interface MemoryCacheOptions {
  kind: AnyKind
  selector: CacheOptions
  /** The list at this moment; changes after it come through `changed`. */
  initial: KubeObject[]
  queue: BackgroundQueue
  onStop: (cache: MemoryCache) => void
  /** A handler threw. */
  onError: (error: unknown) => void
}

interface Subscription {
  handler: CacheHandler<KubeObject>
  /** Has been told of everything known: takes part in changes from now on. */
  live: boolean
}

/** A cache that lags behind the store by one turn of the event loop, as a real one lags by a watch. */
export class MemoryCache implements Cache<KubeObject> {
  readonly synced: Promise<void>
  readonly #options: MemoryCacheOptions
  readonly #index = new ObjectIndex<KubeObject>()
  readonly #subscriptions = new Set<Subscription>()
  readonly #sync = Promise.withResolvers<void>()
  #stopped = false

  constructor(options: MemoryCacheOptions) {
    this.#options = options
    this.synced = this.#sync.promise
    // Who does not wait for it need not catch its rejection.
    this.synced.catch(() => undefined)
    options.queue.push(() => this.#fill(options.initial))
  }

  get(ref: ObjectRef): KubeObject | undefined {
    return this.#index.get(scopedRef(this.#options.kind, ref))
  }

  list(options?: CacheOptions): KubeObject[] {
    return this.#index.select(options)
  }

  subscribe(handler: CacheHandler<KubeObject>): () => void {
    const subscription: Subscription = { handler, live: false }
    this.#subscriptions.add(subscription)
    this.#options.queue.push(() => this.#replay(subscription))
    return () => void this.#subscriptions.delete(subscription)
  }

  stop(): void {
    if (this.#stopped) return
    this.#stopped = true
    this.#subscriptions.clear()
    this.#options.onStop(this)
    this.#sync.reject(new Error(`the cache of ${this.#options.kind.plural} was stopped before its first list`))
  }

  /** To be called once per write of the kind, in order. */
  changed(change: Change): void {
    this.#options.queue.push(() => this.#apply(change))
  }

  #fill(objects: KubeObject[]): void {
    if (this.#stopped) return
    for (const object of objects) this.#index.set(object)
    this.#sync.resolve()
  }

  #replay(subscription: Subscription): void {
    for (const object of this.#index.select()) this.#tell(subscription, (handler) => handler.added?.(object))
    subscription.live = true
  }

  /** An object that an update moves into or out of the selection is added or deleted here. */
  #apply({ next, last }: Change): void {
    if (this.#stopped) return
    const known = this.#index.get(last.metadata)
    const selected = next && matches(next, this.#options.selector) ? next : undefined
    if (selected) {
      this.#index.set(selected)
      this.#tellAll(known ? (handler) => handler.updated?.(selected, known) : (handler) => handler.added?.(selected))
    } else if (known) {
      this.#index.delete(known.metadata)
      const lastSeen = next ? known : last
      this.#tellAll((handler) => handler.deleted?.(lastSeen))
    }
  }

  #tellAll(call: (handler: CacheHandler<KubeObject>) => void): void {
    for (const subscription of this.#subscriptions) if (subscription.live) this.#tell(subscription, call)
  }

  // Checked again before every call: a handler may unsubscribe others, or stop the cache.
  #tell(subscription: Subscription, call: (handler: CacheHandler<KubeObject>) => void): void {
    if (!this.#subscriptions.has(subscription)) return
    try {
      call(subscription.handler)
    } catch (error) {
      this.#options.onError(error)
    }
  }
}
