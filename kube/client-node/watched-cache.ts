/**
 * A Cache over list and watch that only `stop` ends. Why not client-node's informer: any error but 410 ends it for good, `start` within its error
 * handler is a request storm, and its first failed list looks like success.
 */
import type { KubeObject } from '../../api/object.ts'
import { backoffMs, type Backoff } from '../../lib/backoff.ts'
import type { Clock } from '../../lib/clock.ts'
import { deepFreeze } from '../json.ts'
import type { Logger } from '../../lib/logger.ts'
import { pause } from '../../lib/pause.ts'
import { SparingLog } from '../../lib/sparing-log.ts'
import type { Cache, CacheHandler, CacheOptions, ObjectRef } from '../cluster.ts'
import type { AnyKind } from '../kinds.ts'
import type { ApiClient } from './api-client.ts'
import { isRefusal, isSilence, isVersionGone } from './api-errors.ts'
import { CachedObjects } from './cached-objects.ts'
import { listAll, watchFrom } from './list-and-watch.ts'
import { cachedObject } from './plain-object.ts'
import type { WatchEvent } from './watch-events.ts'

export interface WatchedCacheOptions {
  client: ApiClient
  kind: AnyKind
  selector: CacheOptions
  logger: Logger
  clock: Clock
  /** Uniform in [0, 1). */
  random: () => number
  backoff: Backoff
  onStop: (cache: WatchedCache) => void
}

/** The API server ends a watch after five to ten minutes; each has its own time, so that not all are opened anew at once. */
const SHORTEST_WATCH_SECONDS = 300
/** A watch that ends sooner, and without having said anything, is no success. */
const SHORTEST_SUCCESS_MS = 1_000

export class WatchedCache implements Cache<KubeObject> {
  readonly synced: Promise<void>
  readonly #options: WatchedCacheOptions
  readonly #objects: CachedObjects
  readonly #sync = Promise.withResolvers<void>()
  readonly #stop = new AbortController()
  readonly #log: SparingLog
  /** Up to where everything is known; undefined: list first. */
  #resourceVersion: string | undefined
  #failures = 0
  /** Failures since anything was heard from the API server about our place. */
  #doubts = 0

  constructor(options: WatchedCacheOptions) {
    const { kind, logger, clock } = options
    this.#options = options
    this.#log = new SparingLog({ logger, clock })
    this.#objects = new CachedObjects(kind, (error) => {
      logger.error('a handler of a cache threw', { kind: kind.plural, error })
    })
    this.synced = this.#sync.promise
    // Who does not wait for it need not catch its rejection.
    this.synced.catch(() => undefined)
    void this.#run()
  }

  get(ref: ObjectRef): KubeObject | undefined {
    return this.#objects.get(ref)
  }

  list(options?: CacheOptions): KubeObject[] {
    return this.#objects.list(options)
  }

  subscribe(handler: CacheHandler<KubeObject>): () => void {
    return this.#objects.subscribe(handler)
  }

  stop(): void {
    if (this.#stop.signal.aborted) return
    this.#stop.abort()
    this.#objects.unsubscribeAll()
    this.#options.onStop(this)
    this.#sync.reject(new Error(`the cache of ${this.#options.kind.plural} was stopped before its first list`))
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop
    while (!signal.aborted) {
      try {
        // What was listed is followed at once: until then it grows old.
        if (this.#resourceVersion === undefined) await this.#list()
        if (this.#resourceVersion !== undefined) await this.#watch(this.#resourceVersion)
      } catch (error) {
        if (!signal.aborted) this.#failed(error)
      }
      if (this.#failures > 0) await pause(this.#options.clock, this.#waitMs(), signal)
    }
  }

  async #list(): Promise<void> {
    const { client, kind, selector } = this.#options
    const shape = (of: AnyKind, item: unknown) => deepFreeze(cachedObject(of, item))
    const { objects, resourceVersion } = await listAll(client, { kind, selector, shape, signal: this.#stop.signal })
    if (this.#stop.signal.aborted) return
    this.#resourceVersion = resourceVersion
    this.#doubts = 0
    this.#objects.replace(objects)
    this.#sync.resolve()
  }

  async #watch(resourceVersion: string): Promise<void> {
    const { client, kind, selector, clock, random } = this.#options
    const lifetimeSeconds = Math.round(SHORTEST_WATCH_SECONDS * (1 + random()))
    const startedMs = clock.now()
    const request = { kind, selector, resourceVersion, lifetimeSeconds, signal: this.#stop.signal }
    for await (const event of watchFrom(client, request)) {
      if (this.#stop.signal.aborted) return
      this.#take(event)
      // Only what could be taken is a success: garbage must not begin the back-off anew.
      this.#failures = 0
      this.#doubts = 0
    }
    if (clock.now() - startedMs >= SHORTEST_SUCCESS_MS) this.#failures = 0
    else if (this.#resourceVersion === resourceVersion) this.#failures += 1
  }

  #take({ type, object }: WatchEvent): void {
    const { kind } = this.#options
    const plain = deepFreeze(cachedObject(kind, object))
    this.#resourceVersion = plain.metadata.resourceVersion
    if (type === 'DELETED') this.#objects.remove(plain)
    else if (type !== 'BOOKMARK') this.#objects.set(plain)
  }

  #failed(error: unknown): void {
    const { kind } = this.#options
    const isLost = this.#isPlaceLost(error)
    this.#failures += 1
    this.#doubts += 1
    if (isLost) this.#resourceVersion = undefined
    const message = isLost ? 'the place of a watch is lost, lists anew' : 'a watch failed, will be opened anew'
    // A new reason is worth a line.
    this.#log.warn(String(error), message, { kind: kind.plural, error, failures: this.#failures })
  }

  /**
   * What it has said of this watch it would say again; what only kept us from asking says nothing of our place. Neither does one silence: the
   * connection may have died. But an API server whose etcd was restored from a backup says nothing, not even a bookmark, to who asks from a later
   * version than its own, for as long as it takes to get there.
   */
  #isPlaceLost(error: unknown): boolean {
    if (isVersionGone(error)) return true
    if (isRefusal(error)) return error.code !== 'Unavailable'
    return isSilence(error) && this.#doubts > 0
  }

  /** Between half of it and all of it: those who lost the API server together do not come back together. */
  #waitMs(): number {
    const { backoff, random } = this.#options
    return backoffMs(this.#failures, backoff) * (0.5 + random() / 2)
  }
}
