import type { KubeObject } from '../api/object.ts'
import type { CacheOptions, ObjectRef } from './cluster.ts'

/** Objects of one kind by name, with buckets per namespace and per label pair: a selective list costs what it returns. */
export class ObjectIndex<T extends KubeObject> {
  readonly #byKey = new Map<string, T>()
  readonly #buckets = new Map<string, Map<string, T>>()

  get size(): number {
    return this.#byKey.size
  }

  get(ref: ObjectRef): T | undefined {
    return this.#byKey.get(indexKey(ref))
  }

  set(object: T): void {
    const key = indexKey(object.metadata)
    const old = this.#byKey.get(key)
    if (old) this.#leaveBuckets(key, old)
    this.#byKey.set(key, object)
    for (const name of bucketsOf(object)) {
      const bucket = this.#buckets.get(name) ?? new Map<string, T>()
      this.#buckets.set(name, bucket.set(key, object))
    }
  }

  delete(ref: ObjectRef): void {
    const key = indexKey(ref)
    const old = this.#byKey.get(key)
    if (!old) return
    this.#byKey.delete(key)
    this.#leaveBuckets(key, old)
  }

  /** A new array, in no particular order. */
  select(options: CacheOptions = {}): T[] {
    const candidates = this.#narrowest(options)
    return candidates ? [...candidates.values()].filter((object) => matches(object, options)) : []
  }

  #narrowest(options: CacheOptions): Map<string, T> | undefined {
    let best: Map<string, T> = this.#byKey
    for (const name of wantedBuckets(options)) {
      const bucket = this.#buckets.get(name)
      if (!bucket) return undefined
      if (bucket.size < best.size) best = bucket
    }
    return best
  }

  #leaveBuckets(key: string, object: T): void {
    for (const name of bucketsOf(object)) {
      const bucket = this.#buckets.get(name)
      bucket?.delete(key)
      if (bucket?.size === 0) this.#buckets.delete(name)
    }
  }
}

/** Whether a cache or list with these options sees the object. */
export function matches(object: KubeObject, options: CacheOptions): boolean {
  const { namespace, labels = {} } = options
  if (namespace !== undefined && object.metadata.namespace !== namespace) return false
  return Object.entries(labels).every(([name, value]) => object.metadata.labels?.[name] === value)
}

// A slash is in no namespace or object name, so keys of different refs differ.
const indexKey = ({ namespace, name }: ObjectRef): string => `${namespace ?? ''}/${name}`

const namespaceBucket = (namespace: string): string => `n/${namespace}`
const labelBuckets = (labels: Record<string, string>): string[] =>
  Object.entries(labels).map(([name, value]) => `l/${name}=${value}`)

function bucketsOf({ metadata }: KubeObject): string[] {
  const inNamespace = metadata.namespace === undefined ? [] : [namespaceBucket(metadata.namespace)]
  return [...inNamespace, ...labelBuckets(metadata.labels ?? {})]
}

function wantedBuckets({ namespace, labels = {} }: CacheOptions): string[] {
  return [...(namespace === undefined ? [] : [namespaceBucket(namespace)]), ...labelBuckets(labels)]
}
