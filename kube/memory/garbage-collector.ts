import type { KubeObject, OwnerReference } from '../../api/object.ts'
import type { BackgroundQueue } from './background-queue.ts'
import { kindIdOf, ownersOf, type ObjectStore } from './object-store.ts'

export interface GarbageCollectorOptions {
  store: ObjectStore
  queue: BackgroundQueue
  /** Deletes as a client would: pods keep their grace, finalizers hold. */
  remove: (object: KubeObject) => void
}

/** Background deletion: an object goes when none of its owners is left; references to owners that are gone are dropped. */
export class GarbageCollector {
  readonly #options: GarbageCollectorOptions

  constructor(options: GarbageCollectorOptions) {
    this.#options = options
  }

  /** Call after every write of an object with owners. */
  check(object: KubeObject): void {
    if (ownersOf(object).length > 0) this.#options.queue.push(() => this.#collect(object.metadata.uid))
  }

  /** Call after an object was removed. */
  ownerRemoved(uid: string): void {
    for (const dependent of this.#options.store.dependents(uid)) this.check(dependent)
  }

  #collect(uid: string): void {
    const { store, remove } = this.#options
    const object = store.byUid(uid)
    if (!object) return
    const owners = ownersOf(object)
    const present = owners.filter((owner) => this.#isPresent(owner, object))
    if (present.length === owners.length) return
    if (present.length === 0) return remove(object)
    store.put({ ...object, metadata: { ...object.metadata, ownerReferences: present } })
  }

  // A reference into another namespace, or whose name and uid disagree, points at nothing.
  #isPresent(reference: OwnerReference, { metadata }: KubeObject): boolean {
    const owner = this.#options.store.byUid(reference.uid)
    if (!owner || kindIdOf(owner) !== kindIdOf(reference) || owner.metadata.name !== reference.name) return false
    return owner.metadata.namespace === undefined || owner.metadata.namespace === metadata.namespace
  }
}
