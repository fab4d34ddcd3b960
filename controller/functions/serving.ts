/**
 * What each Function serves right now, as the functions reconciler last decided it. Written there, read by activation/, autoscaler/ and feed/.
 * In memory only: rebuilt from Functions, their ControllerRevisions and status after a restart.
 */
import { isDeepStrictEqual } from 'node:util'
import type { FunctionSpec } from '../../api/function.ts'
import type { ObjectKey } from '../../api/names.ts'
import type { FeedAsync } from '../../api/protocol.ts'
import type { RevisionTemplate } from '../fleet/fleet.ts'

export interface Serving {
  key: ObjectKey
  uid: string
  /** The revision that takes traffic and is woken; absent while no revision can run. */
  template?: RevisionTemplate
  /** Why there is none, as callers will read it; absent with `template`: not decided yet, callers wait. */
  broken?: { code: string; message: string }
  scaling: { min: number; max: number; target: number; idleAfterMs: number; maxPodAgeMs: number }
  signature: FunctionSpec['signature']
  concurrency: number
  timeoutMs: number
  memoryMb: number
  /** What becomes of asynchronous invocations. */
  async?: FeedAsync
}

export interface ServingBook {
  get(key: ObjectKey): Serving | undefined
  all(): Iterable<Serving>
  set(serving: Serving): void
  remove(key: ObjectKey): void
  /** Called after set and remove with the key. Returns the unsubscribe. */
  onChange(listener: (key: ObjectKey) => void): () => void
}

export function createServingBook(): ServingBook {
  const entries = new Map<ObjectKey, Serving>()
  const listeners = new Set<(key: ObjectKey) => void>()
  const tell = (key: ObjectKey) => listeners.forEach((listener) => listener(key))
  return {
    get: (key) => entries.get(key),
    all: () => entries.values(),
    set(serving) {
      entries.set(serving.key, serving)
      tell(serving.key)
    },
    remove(key) {
      if (entries.delete(key)) tell(key)
    },
    onChange(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}

/** Whether it said something new. */
export function publishServing(book: ServingBook, serving: Serving): boolean {
  const before = book.get(serving.key)
  if (before && isSameServing(before, serving)) return false
  book.set(serving)
  return true
}

/** Templates are the same when their revisions are: comparing code again would cost what the hash saves. */
function isSameServing(a: Serving, b: Serving): boolean {
  const short = (serving: Serving) => {
    const { revision, storedAt } = serving.template ?? {}
    return { ...serving, template: { revision, storedAt } }
  }
  return isDeepStrictEqual(short(a), short(b))
}
