/**
 * The data plane's core, shared by gateway and dispatcher: the feed's newest snapshot, a lane per function, wake-ups, load reports,
 * and calls over connections to pods. Owns connections to controllers and pods; leaves listeners and what requests mean to its users.
 */
import type { ObjectKey } from '../api/names.ts'
import type { ActivationRequest, LoadReport } from '../api/protocol.ts'
import { monotonicClock, type Clock } from '../lib/clock.ts'
import type { Logger } from '../lib/logger.ts'
import { Call } from './call.ts'
import type { CallDeps, CallRequest, CallSink, ReplayReason } from './call-types.ts'
import { ControllerClient } from './controller-client.ts'
import { Deadlines } from './deadlines.ts'
import { FeedClient } from './feed-client.ts'
import { Lane, type LaneLoad } from './lane.ts'
import { LoadReporter } from './load-reporter.ts'
import { PodAgent } from './pod-agent.ts'
import { ProblemError } from './problems.ts'
import type { Snapshot } from './snapshot.ts'
import { Waker, type ActivationOutcome } from './waker.ts'

export interface RouterOptions {
  /** Base URLs of all controller replicas; a host name stands for all its addresses. */
  controllerUrls: readonly string[]
  /** Bearer token of data planes. */
  token: () => string
  /** Names this process in activations and load reports. */
  reporter: string
  logger: Logger
  clock?: Clock
  /** Requests that may wait per function; default 1000. */
  queueLimit?: number
  /** Longest wait for a slot; default 30 s. */
  waitLimitMs?: number
  /** Between a function's timeout and ours; default 500 ms. */
  graceMs?: number
  /** TCP connect to a pod; default 2 s. */
  connectTimeoutMs?: number
  /** How long an idle connection to a pod is kept; default 4 s. */
  podKeepAliveMs?: number
  /** Without a feed message for so long the connection counts as dead; default 15 s. */
  feedSilenceMs?: number
  loadIntervalMs?: number
  events?: RouterEvents
}

export interface RouterEvents {
  onSnapshot?(snapshot: Snapshot): void
  onLaneClosed?(key: ObjectKey): void
  onReplay?(lane: Lane, reason: ReplayReason): void
  onActivation?(key: ObjectKey, outcome: ActivationOutcome, durationMs: number): void
}

/** Above the pods' own keep-alive would mean reusing connections that are just being closed. */
const POD_KEEP_ALIVE_MS = 4_000
/** A function may answer with as large a head as a client may send to it (DEFAULT_LIMITS of the gateway), and some more. */
const ANSWER_HEAD_BYTES = 64 * 1024

/** Undefined: nothing waits. */
export type BacklogSource = (key: ObjectKey) => { queued: number; concurrency: number } | undefined

export class Router {
  readonly #options: RouterOptions
  readonly #clock: Clock
  readonly #controllers: ControllerClient
  readonly #feed: FeedClient
  readonly #reporter: LoadReporter
  readonly #agent: PodAgent
  readonly #deadlines: Deadlines
  readonly #lanes = new Map<ObjectKey, Lane>()
  /** Deleted functions whose last requests still run: reported until they end. */
  readonly #closing = new Set<Lane>()
  readonly #wakers = new Map<Lane, Waker>()
  readonly #callDeps: CallDeps
  readonly #snapshotListeners = new Set<(snapshot: Snapshot) => void>()
  #backlog: BacklogSource = () => undefined

  constructor(options: RouterOptions) {
    const { clock = monotonicClock, logger, events } = options
    this.#options = options
    this.#clock = clock
    this.#deadlines = new Deadlines(clock)
    this.#controllers = this.#controllersOf(options)
    const keepAliveMs = options.podKeepAliveMs ?? POD_KEEP_ALIVE_MS
    this.#agent = new PodAgent({
      connectTimeoutMs: options.connectTimeoutMs ?? 2_000,
      pipelining: 1,
      keepAliveTimeout: keepAliveMs,
      // Pods say how long they keep a connection, and undici would go by that: 20 × 80 of them for over a minute after a peak.
      keepAliveMaxTimeout: keepAliveMs,
      maxHeaderSize: ANSWER_HEAD_BYTES,
      // The call's own deadline is the only limit: functions may be silent up to their timeout.
      headersTimeout: 0,
      bodyTimeout: 0,
      // HTTP/2 needs TLS or `useH2c`, so it is off; saying `allowH2: false` as well costs a new string per request in undici 8.
    })
    this.#feed = new FeedClient({
      controllers: this.#controllers,
      clock,
      logger,
      onChange: (snapshot, changed) => this.#apply(snapshot, changed),
      ...(options.feedSilenceMs === undefined ? {} : { silenceMs: options.feedSilenceMs }),
    })
    this.#reporter = new LoadReporter({
      controllers: this.#controllers,
      clock,
      logger,
      report: () => this.#report(),
      ...(options.loadIntervalMs === undefined ? {} : { intervalMs: options.loadIntervalMs }),
    })
    this.#callDeps = {
      dispatcher: this.#agent,
      clock,
      deadlines: this.#deadlines,
      waitLimitMs: options.waitLimitMs ?? 30_000,
      graceMs: options.graceMs ?? 500,
      waitReason: (lane) => this.#wakers.get(lane)?.reason ?? 'the function is gone',
      onReplay: (lane, reason) => events?.onReplay?.(lane, reason),
    }
  }

  get snapshot(): Snapshot {
    return this.#feed.snapshot
  }

  get feed(): Pick<FeedClient, 'ready' | 'connected' | 'ageMs'> {
    return this.#feed
  }

  /** Called after every change; returns the unsubscribe. */
  onSnapshot(listener: (snapshot: Snapshot) => void): () => void {
    this.#snapshotListeners.add(listener)
    return () => this.#snapshotListeners.delete(listener)
  }

  /** What waits elsewhere for a function counts as its load: it is neither put to sleep nor left with too few pods meanwhile. */
  setBacklog(source: BacklogSource): void {
    this.#backlog = source
  }

  lanes(): Iterable<Lane> {
    return this.#lanes.values()
  }

  /** Undefined when there is no such function. */
  lane(key: ObjectKey): Lane | undefined {
    return this.#lanes.get(key)
  }

  /** A call, not yet started; everything further is said to the sink. */
  call(request: CallRequest, sink: CallSink): Call {
    return new Call(request, sink, this.#callDeps)
  }

  start(): void {
    this.#controllers.start()
    this.#feed.start()
    this.#reporter.start()
  }

  /** Ends the feed and cuts connections to pods: drain before. */
  async stop(): Promise<void> {
    this.#reporter.stop()
    for (const waker of this.#wakers.values()) waker.stop()
    await this.#feed.stop()
    const stopping = new ProblemError('stopping', 'this process is stopping')
    for (const lane of this.#lanes.values()) lane.close(stopping)
    await Promise.all([this.#controllers.close(), this.#agent.destroy()])
    this.#deadlines.stop()
  }

  #apply(snapshot: Snapshot, changed: ReadonlySet<ObjectKey>): void {
    for (const key of changed) this.#applyFunction(snapshot, key)
    this.#options.events?.onSnapshot?.(snapshot)
    this.#snapshotListeners.forEach((listener) => listener(snapshot))
  }

  #applyFunction(snapshot: Snapshot, key: ObjectKey): void {
    const entry = snapshot.functions.get(key)
    const lane = this.#lanes.get(key)
    if (entry === undefined) return lane === undefined ? undefined : this.#remove(lane)
    if (lane !== undefined) return lane.update(entry)
    const { queueLimit = 1_000 } = this.#options
    const onShortage = (short: Lane) => this.#wakers.get(short)?.shortage()
    const created = new Lane(entry, { clock: this.#clock, queueLimit, onShortage })
    this.#lanes.set(key, created)
    this.#wakers.set(created, this.#createWaker(created))
  }

  #createWaker(lane: Lane): Waker {
    const { logger, reporter, events } = this.#options
    return new Waker(lane, {
      controllers: this.#controllers,
      clock: this.#clock,
      logger,
      reporter,
      position: () => this.#position(),
      onActivation: (outcome, durationMs) => events?.onActivation?.(lane.key, outcome, durationMs),
    })
  }

  #remove(lane: Lane): void {
    this.#lanes.delete(lane.key)
    this.#wakers.get(lane)?.stop()
    this.#wakers.delete(lane)
    lane.close()
    if (lane.inFlight > 0) this.#closing.add(lane)
    this.#options.events?.onLaneClosed?.(lane.key)
  }

  #controllersOf({ controllerUrls: urls, token, logger }: RouterOptions): ControllerClient {
    const onCome = () => this.#feed.retryNow()
    return new ControllerClient({ urls, token, onCome, clock: this.#clock, logger })
  }

  #position(): Pick<ActivationRequest, 'epoch' | 'version' | 'staleMs'> {
    const { epoch, version } = this.snapshot
    const { connected, ageMs = 0 } = this.#feed
    return { ...(epoch !== undefined && { epoch, version }), ...(!connected && { staleMs: ageMs }) }
  }

  #report(): LoadReport {
    for (const lane of this.#closing) if (lane.inFlight === 0) this.#closing.delete(lane)
    const closing = [...this.#closing].filter((lane) => !this.#lanes.has(lane.key))
    // Every lane is asked, so that the window of one that wakes begins with this report.
    const functions = [...this.#lanes.values(), ...closing].flatMap((lane) => {
      const load = withBacklog(lane.takeLoad(), this.#backlog(lane.key))
      return lane.podCount > 0 || load.inFlight + load.queued > 0 ? [load] : []
    })
    return { reporter: this.#options.reporter, ...this.#position(), functions }
  }
}

function withBacklog(load: LaneLoad, backlog: ReturnType<BacklogSource>): LaneLoad {
  if (backlog === undefined) return load
  const { queued, concurrency } = backlog
  return { ...load, queued: load.queued + queued, meanConcurrency: load.meanConcurrency + concurrency, idleMs: 0 }
}
