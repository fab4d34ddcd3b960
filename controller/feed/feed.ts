/**
 * What data planes must know, kept current: functions, routes, subscriptions, endpoints. Owns the version count; promises that changes of
 * one turn of the event loop are one message, and that a new serving revision and its endpoints come together. Leaves the connections to
 * feed-stream.ts.
 */
import type { ObjectKey } from '../../api/names.ts'
import type { FeedFunction } from '../../api/protocol.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Metrics } from '../../lib/metrics.ts'
import type { Fleet } from '../fleet/fleet.ts'
import type { Serving, ServingBook } from '../functions/serving.ts'
import type { LoadBook } from './load-book.ts'
import { Publication, type FunctionState } from './publication.ts'
import type { RouteBook, SubscriptionBook } from './list-book.ts'

export interface FeedConsumer {
  /** One line, with its newline; the same string for all consumers. Must not throw. */
  write(line: string): void
  /** No more will come from here: it is to look elsewhere. */
  end(): void
}

export interface FeedOptions {
  /** Names this controller process. */
  epoch: string
  serving: ServingBook
  fleet: Pick<Fleet, 'pods' | 'onChange'>
  routes: RouteBook
  subscriptions: SubscriptionBook
  load: LoadBook
  clock: Clock
  metrics: Metrics
}

export interface Feed {
  readonly epoch: string
  start(): void
  stop(): void
  /** Ends what consumers hear. */
  close(): void
  /** Writes the snapshot at once, then every change and heartbeat. Returns the unsubscribe. */
  subscribe(consumer: FeedConsumer): () => void
  /** The version that brought this endpoint; undefined while it is not published. */
  addedAt(endpointId: string): number | undefined
  /** Resolves when no data plane sends it anything new: all have said so, or 2 s have passed; at once if it was never published. */
  drained(endpointId: string): Promise<void>
}

const HEARTBEAT_MS = 5_000
const LONGEST_DRAIN_MS = 2_000
/**
 * A data plane that takes the feed from another replica reports positions that say nothing here. That replica learns of a removal by the pod's
 * label, some 20 ms later; a report that came so long after it is one of a data plane that knows. Should it be wrong, the pod refuses and the
 * request is replayed (ADR 0029).
 */
const OTHER_FEED_LAG_MS = 1_000

export function createFeed(options: FeedOptions): Feed {
  return new LiveFeed(options)
}

class LiveFeed implements Feed {
  readonly #options: FeedOptions
  readonly #publication: Publication
  readonly #consumers = new Set<FeedConsumer>()
  readonly #dirty = new Set<ObjectKey>()
  readonly #drains = new Set<() => void>()
  #listsDirty = true
  #flushPlanned = false
  #unsubscribes: (() => void)[] = []
  #cancelHeartbeat: () => void = () => undefined

  constructor(options: FeedOptions) {
    this.#options = options
    this.#publication = new Publication(options.epoch)
    options.metrics.gauge({
      name: 'dormouse_controller_feed_consumers',
      help: 'Data planes that take the feed from this controller.',
      collect: (gauge) => gauge.set(this.#consumers.size),
    })
    options.metrics.gauge({
      name: 'dormouse_controller_load_reporters',
      help: 'Data planes whose load reports are fresh; without any nothing is scaled down.',
      collect: (gauge) => gauge.set(options.load.fresh().length),
    })
    options.metrics.gauge({
      name: 'dormouse_controller_subscriptions',
      help: 'Kafka and cron Triggers that a dispatcher has to serve.',
      collect: (gauge) => gauge.set(options.subscriptions.get().length),
    })
  }

  get epoch(): string {
    return this.#options.epoch
  }

  start(): void {
    const { serving, fleet, routes, subscriptions } = this.#options
    const changed = (key: ObjectKey) => {
      this.#dirty.add(key)
      this.#planFlush()
    }
    const listChanged = () => {
      this.#listsDirty = true
      this.#planFlush()
    }
    this.#unsubscribes = [
      ...[serving.onChange(changed), fleet.onChange(changed)],
      ...[routes.onChange(listChanged), subscriptions.onChange(listChanged)],
    ]
    for (const { key } of serving.all()) this.#dirty.add(key)
    this.#flush()
    this.#beat()
  }

  stop(): void {
    this.#cancelHeartbeat()
    this.#unsubscribes.forEach((unsubscribe) => unsubscribe())
    this.#unsubscribes = []
    this.#drains.forEach((done) => done())
  }

  close(): void {
    this.#consumers.forEach((consumer) => consumer.end())
    this.#consumers.clear()
  }

  subscribe(consumer: FeedConsumer): () => void {
    this.#flush()
    consumer.write(this.#publication.snapshot())
    this.#consumers.add(consumer)
    return () => this.#consumers.delete(consumer)
  }

  addedAt(endpointId: string): number | undefined {
    return this.#publication.addedAt(endpointId)
  }

  async drained(endpointId: string): Promise<void> {
    this.#flush()
    const version = this.#publication.removedAt(endpointId)
    if (version === undefined) return
    const removal = { version, atMs: this.#options.clock.now() }
    if (this.#allHaveSeen(removal)) return
    await new Promise<void>((resolve) => {
      const done = () => {
        cancel()
        unsubscribe()
        this.#drains.delete(done)
        resolve()
      }
      this.#drains.add(done)
      const cancel = this.#options.clock.after(LONGEST_DRAIN_MS, done)
      const unsubscribe = this.#options.load.onReport(() => this.#allHaveSeen(removal) && done())
    })
  }

  /** False while nobody reports: a data plane that is cut off may still use what it last heard. */
  #allHaveSeen({ version, atMs }: { version: number; atMs: number }): boolean {
    const reports = this.#options.load.fresh()
    if (reports.length === 0 || reports.length < this.#consumers.size) return false
    return reports.every(({ report, receivedAtMs }) =>
      report.epoch === this.epoch ? (report.version ?? -1) >= version : receivedAtMs >= atMs + OTHER_FEED_LAG_MS,
    )
  }

  #planFlush(): void {
    if (this.#flushPlanned) return
    this.#flushPlanned = true
    setImmediate(() => this.#flush())
  }

  #flush(): void {
    this.#flushPlanned = false
    if (this.#dirty.size === 0 && !this.#listsDirty) return
    const functions = [...this.#dirty].map((key) => this.#stateOf(key))
    const { routes, subscriptions } = this.#options
    const lists = this.#listsDirty ? { routes: routes.get(), subscriptions: subscriptions.get() } : {}
    this.#dirty.clear()
    this.#listsDirty = false
    const line = this.#publication.apply({ functions, ...lists })
    if (line !== undefined) this.#consumers.forEach((consumer) => consumer.write(line))
  }

  #stateOf(key: ObjectKey): FunctionState {
    const { serving, fleet } = this.#options
    const entry = serving.get(key)
    if (entry === undefined) return { key, endpoints: [] }
    const pods = fleet.pods(key).filter((pod) => pod.phase === 'ready' && pod.revision === entry.template?.revision)
    return { key, function: feedFunction(entry), endpoints: pods.flatMap(({ endpoint }) => endpoint ?? []) }
  }

  #beat(): void {
    this.#cancelHeartbeat = this.#options.clock.after(HEARTBEAT_MS, () => {
      const line = this.#publication.heartbeat()
      this.#consumers.forEach((consumer) => consumer.write(line))
      this.#beat()
    })
  }
}

function feedFunction(entry: Serving): FeedFunction {
  const { key, uid, template, signature, concurrency, timeoutMs, scaling, memoryMb, broken, async } = entry
  return {
    key,
    uid,
    revision: template?.revision ?? '',
    signature,
    concurrency,
    timeoutMs,
    maxPods: scaling.max,
    memoryMb,
    ...(async && { async }),
    ...(template === undefined && broken && { broken }),
  }
}
