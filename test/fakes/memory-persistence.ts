import type { KubeObject } from '../../api/object.ts'
import type { Persistence } from '../../kube/memory/persistence.ts'

/** Keeps what it is given as JSON; refuses every write while `isFull`. */
export class MemoryPersistence implements Persistence {
  readonly rows = new Map<string, string>()
  isFull = false
  writes = 0
  #resourceVersion = 0

  load(): { objects: KubeObject[]; resourceVersion: number } {
    const objects = [...this.rows.values()].map((json) => JSON.parse(json) as KubeObject)
    return { objects, resourceVersion: this.#resourceVersion }
  }

  put(object: KubeObject): void {
    this.#write()
    this.rows.set(keyOf(object), JSON.stringify(object))
  }

  remove(object: KubeObject): void {
    this.#write()
    this.rows.delete(keyOf(object))
    this.#resourceVersion = Number(object.metadata.resourceVersion)
  }

  #write(): void {
    if (this.isFull) throw new Error('no space left')
    this.writes += 1
  }
}

const keyOf = ({ apiVersion, kind, metadata }: KubeObject): string =>
  [apiVersion, kind, metadata.namespace ?? '', metadata.name].join('/')
