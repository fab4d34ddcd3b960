import type { KubeObject } from '../../api/object.ts'
import type { CacheHandler, CacheOptions, ObjectRef } from '../cluster.ts'
import { scopedRef, type AnyKind } from '../kinds.ts'
import { ObjectIndex } from '../object-index.ts'

interface Subscription {
  handler: CacheHandler<KubeObject>
  /** Has been told of everything known: takes part in changes from now on. */
  isLive: boolean
}

/** What a cache knows, and who is told of its changes. Synchronous, and never stops for a handler that throws. */
export class CachedObjects {
  readonly #kind: AnyKind
  readonly #onError: (error: unknown) => void
  readonly #index = new ObjectIndex<KubeObject>()
  readonly #subscriptions = new Set<Subscription>()

  constructor(kind: AnyKind, onError: (error: unknown) => void) {
    this.#kind = kind
    this.#onError = onError
  }

  get(ref: ObjectRef): KubeObject | undefined {
    return this.#index.get(scopedRef(this.#kind, ref))
  }

  list(options?: CacheOptions): KubeObject[] {
    return this.#index.select(options)
  }

  /** Tells what is known soon, not within the call. */
  subscribe(handler: CacheHandler<KubeObject>): () => void {
    const subscription: Subscription = { handler, isLive: false }
    this.#subscriptions.add(subscription)
    setImmediate(() => {
      for (const object of this.#index.select()) this.#tell(subscription, (told) => told.added?.(object))
      subscription.isLive = true
    })
    return () => void this.#subscriptions.delete(subscription)
  }

  unsubscribeAll(): void {
    this.#subscriptions.clear()
  }

  set(object: KubeObject): void {
    const known = this.#index.get(object.metadata)
    // After a watch was opened anew the same state may come twice.
    if (known?.metadata.resourceVersion === object.metadata.resourceVersion) return
    // Deleted and made anew while nobody watched: two objects, of which the first has gone.
    if (known && known.metadata.uid !== object.metadata.uid) this.remove(known)
    const old = this.#index.get(object.metadata)
    this.#index.set(object)
    this.#tellAll(old ? (handler) => handler.updated?.(object, old) : (handler) => handler.added?.(object))
  }

  /** `last`: the state in which it went. */
  remove(last: KubeObject): void {
    if (!this.#index.get(last.metadata)) return
    this.#index.delete(last.metadata)
    this.#tellAll((handler) => handler.deleted?.(last))
  }

  /** A new list: tells only what is different. */
  replace(objects: KubeObject[]): void {
    const listed = new Set(objects.map(({ metadata }) => metadata.uid))
    for (const known of this.#index.select()) if (!listed.has(known.metadata.uid)) this.remove(known)
    for (const object of objects) this.set(object)
  }

  #tellAll(call: (handler: CacheHandler<KubeObject>) => void): void {
    for (const subscription of this.#subscriptions) if (subscription.isLive) this.#tell(subscription, call)
  }

  // Checked again before every call: a handler may unsubscribe others, or stop the cache.
  #tell(subscription: Subscription, call: (handler: CacheHandler<KubeObject>) => void): void {
    if (!this.#subscriptions.has(subscription)) return
    try {
      call(subscription.handler)
    } catch (error) {
      this.#onError(error)
    }
  }
}
