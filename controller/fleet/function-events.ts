/** Events on Functions at a bounded rate: what happened to a function's pods, where `kubectl describe` shows it. */
import type { DormouseFunction } from '../../api/function.ts'
import { splitKey, type ObjectKey } from '../../api/names.ts'
import type { Cache, Cluster, EventInput } from '../../kube/cluster.ts'
import type { Clock } from '../../lib/clock.ts'

export interface FunctionEvents {
  /** Never throws and never waits; dropped when the function is unknown or had too many lately. */
  record(key: ObjectKey, event: Omit<EventInput, 'regarding'>): void
}

/** Per function: this many at once, then one per interval. */
const BURST = 10
const INTERVAL_MS = 10_000

interface Bucket {
  tokens: number
  atMs: number
}

export interface FunctionEventsOptions {
  cluster: Pick<Cluster, 'recordEvent'>
  functions: Pick<Cache<DormouseFunction>, 'get'>
  clock: Clock
}

export function createFunctionEvents({ cluster, functions, clock }: FunctionEventsOptions): FunctionEvents {
  const buckets = new Map<string, Bucket>()
  return {
    record(key, event) {
      const regarding = functions.get(splitKey(key))
      if (regarding === undefined) return void buckets.delete(key)
      const bucket = refill(buckets.get(key), clock.now())
      buckets.set(key, bucket)
      if (bucket.tokens < 1) return
      bucket.tokens -= 1
      void cluster.recordEvent({ ...event, regarding })
    },
  }
}

function refill(bucket: Bucket | undefined, nowMs: number): Bucket {
  if (bucket === undefined) return { tokens: BURST, atMs: nowMs }
  const tokens = Math.min(BURST, bucket.tokens + (nowMs - bucket.atMs) / INTERVAL_MS)
  return { tokens, atMs: nowMs }
}
