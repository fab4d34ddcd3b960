import type { KubeObject } from '../../api/object.ts'
import { CacheSubscriptions } from '../cache-subscriptions.ts'
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

/** A cache that lags behind the store by one turn of the event loop, as a real one lags by a watch. */
export class MemoryCache implements Cache<KubeObject> {
  readonly synced: Promise<void>
  readonly #options: MemoryCacheOptions
  readonly #index = new ObjectIndex<KubeObject>()
  readonly #subscriptions: CacheSubscriptions
  readonly #sync = Promise.withResolvers<void>()
  #stopped = false

  constructor(options: MemoryCacheOptions) {
    const { queue, onError } = options
    this.#options = options
    const known = () => this.#index.select()
    this.#subscriptions = new CacheSubscriptions({ known, soon: (tell) => queue.push(tell), onError })
    this.synced = this.#sync.promise
    // Who does not wait for it need not catch its rejection.
    this.synced.catch(() => undefined)
    queue.push(() => this.#fill(options.initial))
  }

  get(ref: ObjectRef): KubeObject | undefined {
    return this.#index.get(scopedRef(this.#options.kind, ref))
  }

  list(options?: CacheOptions): KubeObject[] {
    return this.#index.select(options)
  }

  subscribe(handler: CacheHandler<KubeObject>): () => void {
    return this.#subscriptions.add(handler)
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
    for (const object of objects) this.#index.set(this.#shown(object))
    this.#sync.resolve()
  }

  #shown(object: KubeObject): KubeObject {
    const { apiVersion, kind, metadata } = object
    return this.#options.kind.metadataOnly === true ? { apiVersion, kind, metadata } : object
  }

  /** An object that an update moves into or out of the selection is added or deleted here. */
  #apply({ next, last }: Change): void {
    if (this.#stopped) return
    const known = this.#index.get(last.metadata)
    const selected = next && matches(next, this.#options.selector) ? this.#shown(next) : undefined
    if (selected) {
      this.#index.set(selected)
      this.#subscriptions.tellAll(
        known ? (handler) => handler.updated?.(selected, known) : (handler) => handler.added?.(selected),
      )
    } else if (known) {
      this.#index.delete(known.metadata)
      const lastSeen = next ? known : last
      this.#subscriptions.tellAll((handler) => handler.deleted?.(lastSeen))
    }
  }
}
