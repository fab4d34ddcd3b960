import { createHash } from 'node:crypto'
import { DEFAULT_NAMESPACE } from '../api/names.ts'
import type { Cluster, EventInput } from './cluster.ts'
import { isAlreadyExists, isNotFound } from './errors.ts'
import { apiVersionOf } from './kinds.ts'
import { EVENTS } from './objects.ts'
import { rfc3339 } from './rfc3339.ts'

export interface EventRecorderOptions {
  cluster: Pick<Cluster, 'create' | 'patch' | 'get' | 'delete'>
  /** Epoch milliseconds. */
  now: () => number
  /** Who says it: `source.component`. */
  component: string
  /** Delete the Event objects that are forgotten; false where the API server expires them itself. */
  deletesForgotten: boolean
  /** An event could not be written. */
  onError: (error: unknown) => void
}

/** Kinds of event remembered, and at most so many objects budgeted. */
const LONGEST_MEMORY = 1_000
/**
 * Writes per object: a burst, then one every ten seconds. client-go's one per five minutes would hide the scale changes that follow
 * a burst of wake-ups. What goes over is not lost: it is added to `count` with the next write of the same event.
 */
const BURST = 25
const REFILL_MS = 10_000
/** Events that wait for the API server; more are dropped. */
const LONGEST_BACKLOG = 1_000

interface Seen {
  namespace: string
  name: string
  count: number
  firstMs: number
  isWritten: boolean
}

interface Budget {
  writes: number
  atMs: number
}

/** recordEvent for every adapter: repeats are counted on one object, writes are bounded per object, nothing here throws. */
export class EventRecorder {
  readonly #options: EventRecorderOptions
  /** Both oldest first. */
  readonly #seen = new Map<string, Seen>()
  readonly #budgets = new Map<string, Budget>()
  #tail: Promise<void> = Promise.resolve()
  #backlog = 0

  constructor(options: EventRecorderOptions) {
    this.#options = options
  }

  record(event: EventInput): Promise<void> {
    const seen = this.#count(event)
    if (this.#backlog >= LONGEST_BACKLOG || !this.#spend(event.regarding.metadata.uid)) return Promise.resolve()
    this.#backlog += 1
    // One after the other: the second of two equal events must find the first one's object.
    this.#tail = this.#tail
      .then(() => this.#write(event, seen))
      .catch(this.#options.onError)
      .finally(() => (this.#backlog -= 1))
    return this.#tail
  }

  #count({ regarding, type, reason, message }: EventInput): Seen {
    const { uid, name, namespace = DEFAULT_NAMESPACE } = regarding.metadata
    const key = JSON.stringify([uid, type, reason, message])
    const nameEnd = createHash('sha256').update(key).digest('hex').slice(0, 16)
    const seen = this.#seen.get(key) ?? {
      namespace,
      name: `${name.slice(0, 230)}.${nameEnd}`,
      count: 0,
      firstMs: this.#options.now(),
      isWritten: false,
    }
    seen.count += 1
    makeNewest(this.#seen, key, seen)
    const forgotten = dropOldest(this.#seen)
    if (forgotten) this.#forget(forgotten)
    return seen
  }

  // Behind the writes that are under way: one of them may be this event's first.
  #forget(seen: Seen): void {
    if (!this.#options.deletesForgotten) return
    this.#tail = this.#tail
      .then(() => (seen.isWritten ? this.#options.cluster.delete(EVENTS, seen) : undefined))
      .catch((error: unknown) => {
        if (!isNotFound(error)) this.#options.onError(error)
      })
  }

  #spend(uid: string): boolean {
    const nowMs = this.#options.now()
    const budget = this.#budgets.get(uid) ?? { writes: BURST, atMs: nowMs }
    const writes = Math.min(BURST, budget.writes + Math.max(0, nowMs - budget.atMs) / REFILL_MS)
    const isAllowed = writes >= 1
    makeNewest(this.#budgets, uid, { writes: isAllowed ? writes - 1 : writes, atMs: nowMs })
    dropOldest(this.#budgets)
    return isAllowed
  }

  async #write(event: EventInput, seen: Seen): Promise<void> {
    const { cluster, now } = this.#options
    if (!seen.isWritten) return this.#create(event, seen)
    try {
      await cluster.patch(EVENTS, seen, { count: seen.count, lastTimestamp: rfc3339(now()) })
    } catch (error) {
      if (!isNotFound(error)) throw error
      await this.#create(event, seen)
    }
  }

  async #create(event: EventInput, seen: Seen): Promise<void> {
    const { cluster, now, component } = this.#options
    const { regarding, type, reason, message } = event
    const { namespace, name, uid } = regarding.metadata
    const involvedObject = { apiVersion: regarding.apiVersion, kind: regarding.kind, name, uid }
    try {
      await cluster.create(EVENTS, {
        apiVersion: apiVersionOf(EVENTS),
        kind: 'Event',
        metadata: { namespace: seen.namespace, name: seen.name },
        involvedObject: namespace === undefined ? involvedObject : { ...involvedObject, namespace },
        type,
        reason,
        message,
        count: seen.count,
        firstTimestamp: rfc3339(seen.firstMs),
        lastTimestamp: rfc3339(now()),
        source: { component },
      })
    } catch (error) {
      if (!isAlreadyExists(error)) throw error
      await this.#continue(seen)
    }
    seen.isWritten = true
  }

  /** The object is from before a restart, or another replica's. */
  async #continue(seen: Seen): Promise<void> {
    const { cluster, now } = this.#options
    const earlier = await cluster.get(EVENTS, seen)
    seen.count += earlier?.count ?? 0
    await cluster.patch(EVENTS, seen, { count: seen.count, lastTimestamp: rfc3339(now()) })
  }
}

function makeNewest<V>(entries: Map<string, V>, key: string, value: V): void {
  entries.delete(key)
  entries.set(key, value)
}

/** Drops and gives back the oldest entry when there are too many. */
function dropOldest<V>(entries: Map<string, V>): V | undefined {
  const [oldest] = entries
  if (entries.size <= LONGEST_MEMORY || !oldest) return undefined
  entries.delete(oldest[0])
  return oldest[1]
}
