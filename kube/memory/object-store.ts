import type { KubeObject, OwnerReference } from '../../api/object.ts'
import type { CacheOptions, ObjectRef } from '../cluster.ts'
import { ClusterError } from '../errors.ts'
import { ObjectIndex } from '../object-index.ts'
import { deepFreeze } from '../json.ts'
import type { Persistence } from './persistence.ts'
import { errorText } from '../../lib/error-text.ts'

/** One write. `old` is absent on create, `next` on removal; `last` is the newest state there is. */
export interface Change {
  kindId: string
  old?: KubeObject
  next?: KubeObject
  last: KubeObject
}

export interface ObjectStoreOptions {
  /** Kinds whose writes go to `persistence`. */
  isPersisted: (kindId: string) => boolean
  persistence?: Persistence | undefined
  /** Called with every write, in the order of resourceVersions. */
  onChange: (change: Change) => void
}

/** `v1/Pod`: what objects are filed under. */
export function kindIdOf({ apiVersion, kind }: Pick<KubeObject, 'apiVersion' | 'kind'>): string {
  return `${apiVersion}/${kind}`
}

/** All objects of all kinds under one resourceVersion counter. What is in here is deeply frozen. */
export class ObjectStore {
  readonly #options: ObjectStoreOptions
  readonly #byKind = new Map<string, ObjectIndex<KubeObject>>()
  readonly #byUid = new Map<string, KubeObject>()
  /** Owner uid → uids of what refers to it. */
  readonly #dependents = new Map<string, Set<string>>()
  #resourceVersion = 0

  constructor(options: ObjectStoreOptions) {
    this.#options = options
    this.#load()
  }

  get(kindId: string, ref: ObjectRef): KubeObject | undefined {
    return this.#byKind.get(kindId)?.get(ref)
  }

  byUid(uid: string): KubeObject | undefined {
    return this.#byUid.get(uid)
  }

  all(): KubeObject[] {
    return [...this.#byUid.values()]
  }

  select(kindId: string, options?: CacheOptions): KubeObject[] {
    return this.#byKind.get(kindId)?.select(options) ?? []
  }

  dependents(ownerUid: string): KubeObject[] {
    const uids = [...(this.#dependents.get(ownerUid) ?? [])]
    return uids.flatMap((uid) => this.#byUid.get(uid) ?? [])
  }

  /** Inserts or replaces; gives it the next resourceVersion. Takes the object over: it is frozen afterwards. */
  put(object: KubeObject): KubeObject {
    const kindId = kindIdOf(object)
    const old = this.get(kindId, object.metadata)
    const next = this.#withNextVersion(object)
    this.#persist(kindId, (persistence) => persistence.put(next))
    this.#resourceVersion += 1
    if (old) this.#unlink(old)
    this.#insert(next)
    this.#options.onChange({ kindId, ...(old && { old }), next, last: next })
    return next
  }

  /** Gives back the last state: `object` with the deletion's resourceVersion. */
  remove(object: KubeObject): KubeObject {
    const kindId = kindIdOf(object)
    const old = this.get(kindId, object.metadata)
    if (!old) return object
    const last = this.#withNextVersion(object)
    this.#persist(kindId, (persistence) => persistence.remove(last))
    this.#resourceVersion += 1
    this.#unlink(old)
    this.#byKind.get(kindId)?.delete(old.metadata)
    this.#byUid.delete(old.metadata.uid)
    this.#options.onChange({ kindId, old, last })
    return last
  }

  #load(): void {
    if (!this.#options.persistence) return
    const { objects, resourceVersion } = this.#options.persistence.load()
    for (const object of objects) {
      this.#insert(deepFreeze(object))
      this.#resourceVersion = Math.max(this.#resourceVersion, Number(object.metadata.resourceVersion))
    }
    this.#resourceVersion = Math.max(this.#resourceVersion, resourceVersion)
  }

  #withNextVersion(object: KubeObject): KubeObject {
    const resourceVersion = String(this.#resourceVersion + 1)
    return deepFreeze({ ...object, metadata: { ...object.metadata, resourceVersion } })
  }

  #persist(kindId: string, write: (persistence: Persistence) => void): void {
    const { persistence, isPersisted } = this.#options
    if (!persistence || !isPersisted(kindId)) return
    try {
      write(persistence)
    } catch (cause) {
      const reason = errorText(cause)
      throw new ClusterError('Unavailable', `the state could not be written: ${reason}`, { cause })
    }
  }

  #insert(object: KubeObject): void {
    const kindId = kindIdOf(object)
    const index = this.#byKind.get(kindId) ?? new ObjectIndex<KubeObject>()
    this.#byKind.set(kindId, index)
    index.set(object)
    this.#byUid.set(object.metadata.uid, object)
    for (const { uid } of ownersOf(object)) {
      const dependents = this.#dependents.get(uid) ?? new Set<string>()
      this.#dependents.set(uid, dependents.add(object.metadata.uid))
    }
  }

  #unlink(object: KubeObject): void {
    for (const { uid } of ownersOf(object)) {
      const dependents = this.#dependents.get(uid)
      dependents?.delete(object.metadata.uid)
      if (dependents?.size === 0) this.#dependents.delete(uid)
    }
  }
}

export function ownersOf({ metadata }: KubeObject): OwnerReference[] {
  return metadata.ownerReferences ?? []
}
