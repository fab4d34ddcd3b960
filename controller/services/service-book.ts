/** Which Functions could not get their name in the cluster's DNS, and why. Written by the services controller, told in their conditions. */
import type { ObjectKey } from '../../api/names.ts'

export interface ServiceBook {
  /** Undefined: not decided yet. */
  get(key: ObjectKey): ServiceState | undefined
  /** Undefined: the Function is gone. */
  set(key: ObjectKey, state: ServiceState | undefined): void
  /** Returns the unsubscribe. */
  onChange(listener: (key: ObjectKey) => void): () => void
}

/** taken: a Service of that name is somebody else's and was left alone. */
export type ServiceState = 'named' | 'taken'

export function createServiceBook(): ServiceBook {
  const states = new Map<ObjectKey, ServiceState>()
  const listeners = new Set<(key: ObjectKey) => void>()
  return {
    get: (key) => states.get(key),
    set(key, state) {
      if (states.get(key) === state) return
      if (state === undefined) states.delete(key)
      else states.set(key, state)
      listeners.forEach((listener) => listener(key))
    },
    onChange(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}
