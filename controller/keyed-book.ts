/** What one part of the controller knows of objects, by key, for others to read. In memory only. */
import type { ObjectKey } from '../api/names.ts'

export interface KeyedBook<T> {
  /** Undefined: not decided yet. */
  get(key: ObjectKey): T | undefined
  /** Undefined: nothing is to be known any more. The same again tells nobody. */
  set(key: ObjectKey, entry: T | undefined): void
  /** Returns the unsubscribe. */
  onChange(listener: (key: ObjectKey) => void): () => void
}

export function createKeyedBook<T>(): KeyedBook<T> {
  const entries = new Map<ObjectKey, T>()
  const listeners = new Set<(key: ObjectKey) => void>()
  return {
    get: (key) => entries.get(key),
    set(key, entry) {
      if (entries.get(key) === entry) return
      if (entry === undefined) entries.delete(key)
      else entries.set(key, entry)
      listeners.forEach((listener) => listener(key))
    },
    onChange(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}
