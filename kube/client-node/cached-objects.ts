import type { KubeObject } from '../../api/object.ts'
import { CacheSubscriptions } from '../cache-subscriptions.ts'
import type { CacheHandler, CacheOptions, ObjectRef } from '../cluster.ts'
import { scopedRef, type AnyKind } from '../kinds.ts'
import { ObjectIndex } from '../object-index.ts'

/** What a cache knows, and who is told of its changes. Synchronous, and never stops for a handler that throws. */
export class CachedObjects {
  readonly #kind: AnyKind
  readonly #index = new ObjectIndex<KubeObject>()
  readonly #subscriptions: CacheSubscriptions

  constructor(kind: AnyKind, onError: (error: unknown) => void) {
    this.#kind = kind
    const known = () => this.#index.select()
    this.#subscriptions = new CacheSubscriptions({ known, soon: (tell) => setImmediate(tell), onError })
  }

  get(ref: ObjectRef): KubeObject | undefined {
    return this.#index.get(scopedRef(this.#kind, ref))
  }

  list(options?: CacheOptions): KubeObject[] {
    return this.#index.select(options)
  }

  /** Tells what is known soon, not within the call. */
  subscribe(handler: CacheHandler<KubeObject>): () => void {
    return this.#subscriptions.add(handler)
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
    this.#subscriptions.tellAll(
      old ? (handler) => handler.updated?.(object, old) : (handler) => handler.added?.(object),
    )
  }

  /** `last`: the state in which it went. */
  remove(last: KubeObject): void {
    if (!this.#index.get(last.metadata)) return
    this.#index.delete(last.metadata)
    this.#subscriptions.tellAll((handler) => handler.deleted?.(last))
  }

  /** A new list: tells only what is different. */
  replace(objects: KubeObject[]): void {
    const listed = new Set(objects.map(({ metadata }) => metadata.uid))
    for (const known of this.#index.select()) if (!listed.has(known.metadata.uid)) this.remove(known)
    for (const object of objects) this.set(object)
  }
}
