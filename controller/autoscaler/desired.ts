/**
 * How many pods each Function should have, as last decided. Written by the autoscaler and by wake-ups, carried out by functions/.
 * In memory only: a function that is not in the book has not been decided about since this process started, and keeps what it has.
 */
import type { ObjectKey } from '../../api/names.ts'

export interface DesiredBook {
  /** Undefined: not decided yet. */
  get(key: ObjectKey): number | undefined
  /** At least this many; never lowers. */
  raise(key: ObjectKey, pods: number): void
  set(key: ObjectKey, pods: number): void
  remove(key: ObjectKey): void
  /** Called when a number changes, with its key. Returns the unsubscribe. */
  onChange(listener: (key: ObjectKey) => void): () => void
}

export function createDesiredBook(): DesiredBook {
  const entries = new Map<ObjectKey, number>()
  const listeners = new Set<(key: ObjectKey) => void>()
  const set = (key: ObjectKey, pods: number) => {
    if (entries.get(key) === pods) return
    entries.set(key, pods)
    listeners.forEach((listener) => listener(key))
  }
  return {
    get: (key) => entries.get(key),
    raise: (key, pods) => set(key, Math.max(entries.get(key) ?? 0, pods)),
    set,
    remove: (key) => void entries.delete(key),
    onChange(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}
