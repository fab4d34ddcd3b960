/**
 * Writes the status of objects, only when it differs, with the position it was derived from as precondition. Owns the gap between a
 * write and the moment the cache shows it, so that a reconcile in that gap neither repeats the write nor starts from what was before.
 */
import { isDeepStrictEqual } from 'node:util'
import type { KubeObject } from '../api/object.ts'
import type { Cluster, Kind } from '../kube/cluster.ts'
import { isConflict, isNotFound } from '../kube/errors.ts'

type WithStatus<S> = KubeObject & { status?: S }

/** conflict: the object has moved on, decide again from what it is now. gone: it was deleted meanwhile. */
export type StatusWrite = 'unchanged' | 'written' | 'conflict' | 'gone'

interface Written<S> {
  /** What the cache showed when we wrote: while it still does, our write is newer. */
  basedOn: string
  resourceVersion: string
  status: S | undefined
}

export class StatusWriter<S extends object, T extends WithStatus<S>> {
  readonly #cluster: Pick<Cluster, 'patchStatus'>
  readonly #kind: Kind<T>
  readonly #written = new Map<string, Written<S>>()

  constructor(cluster: Pick<Cluster, 'patchStatus'>, kind: Kind<T>) {
    this.#cluster = cluster
    this.#kind = kind
  }

  /** The newest status known of a cached object. */
  current(object: T): S | undefined {
    return this.#newest(object).status
  }

  async write(object: T, next: S): Promise<StatusWrite> {
    const known = this.#newest(object)
    if (known.status === next || isDeepStrictEqual(known.status, next)) return 'unchanged'
    const { namespace, name, uid, resourceVersion: basedOn } = object.metadata
    try {
      const ref = namespace === undefined ? { name } : { namespace, name }
      const options = { resourceVersion: known.resourceVersion }
      const written = await this.#cluster.patchStatus(this.#kind, ref, mergePatch(known.status, next), options)
      this.#written.set(uid, { basedOn, resourceVersion: written.metadata.resourceVersion, status: written.status })
      return 'written'
    } catch (error) {
      if (isConflict(error)) {
        // What we wrote may not be there any more, as after etcd was restored from a backup: what the cache shows counts again.
        this.forget(uid)
        return 'conflict'
      }
      if (isNotFound(error)) return 'gone'
      throw error
    }
  }

  /** To be called when an object is gone. */
  forget(uid: string): void {
    this.#written.delete(uid)
  }

  #newest({ metadata, status }: T): Omit<Written<S>, 'basedOn'> {
    const written = this.#written.get(metadata.uid)
    if (written?.basedOn === metadata.resourceVersion) return written
    if (written) this.#written.delete(metadata.uid)
    return { resourceVersion: metadata.resourceVersion, status }
  }
}

/** Fields that are no longer there must be said to be null; those that stay are written whole. */
function mergePatch(from: object | undefined, to: object): object {
  const gone = Object.keys(from ?? {}).filter((field) => !(field in to))
  return { ...Object.fromEntries(gone.map((field) => [field, null])), ...to }
}
