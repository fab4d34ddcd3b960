/**
 * The gateway: the internet-facing data plane. Owns two listeners, the operators' listener and their end; everything it knows comes
 * from the controllers' feed, so it has no state of its own and serves warm functions while the controllers are away.
 */
import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import type { ObjectKey } from '../api/names.ts'
import { monotonicClock } from '../lib/clock.ts'
import { closeServer, listen } from '../lib/listen.ts'
import type { Logger } from '../lib/logger.ts'
import { createManagementServer, type Route } from '../lib/management-server.ts'
import { createMetrics, type Metrics } from '../lib/metrics.ts'
import { pause } from '../lib/pause.ts'
import { ProblemError } from '../routing/problems.ts'
import { Router, type RouterOptions } from '../routing/router.ts'
import { EventsApi, type EventsApiOptions } from './events-api/events-api.ts'
import { functionRoutes } from './management/function-routes.ts'
import { EventsTally } from './metrics/events-tally.ts'
import { GatewayMetrics } from './metrics/gateway-metrics.ts'
import { BodyBudget } from './proxy/body-budget.ts'
import { functionOfHost, resolveInternal } from './proxy/internal-target.ts'
import { Latecomers } from './proxy/latecomers.ts'
import { refuseOtherSites } from './proxy/loopback-callers.ts'
import { Listener, type ListenerLimits } from './proxy/listener.ts'
import { Pipeline } from './proxy/pipeline.ts'
import { ANY_PROXY, type TrustedProxies } from './proxy/trusted-proxies.ts'
import { PublicTargets } from './proxy/public-target.ts'
import { problemResolution, type IncomingTarget, type Resolution } from './proxy/target.ts'
import { Upgrades } from './proxy/upgrade.ts'
import { errorText } from '../lib/error-text.ts'

export interface GatewayOptions {
  /** Base URLs of all controller replicas. */
  controllerUrls: readonly string[]
  /** Bearer token of data planes; asked for on every call to a controller. */
  token: () => string
  /** Names this process to controllers; unique among data planes. */
  reporter: string
  logger: Logger
  /** Absent: every address, IPv6 and IPv4. */
  host?: string | undefined
  /** The internal listener serves this machine, and no pages of other sites: see loopback-callers.ts. */
  machineOnly?: boolean
  /** 0 = any free port. */
  ports?: { public: number; internal: number; management: number }
  limits?: Partial<GatewayLimits>
  /** In front of the public listener. Default: every one. */
  proxies?: TrustedProxies | undefined
  /** For tests and embedding: timings of the routing core. */
  routing?: Pick<RouterOptions, 'connectTimeoutMs' | 'podKeepAliveMs' | 'feedSilenceMs' | 'loadIntervalMs' | 'graceMs'>
  metrics?: Metrics
  /** The event log, where there is one: asynchronous invocations and topics on the internal listener. */
  events?: Pick<EventsApiOptions, 'log' | 'ledger'> & { isReached?: () => boolean }
  /** Further routes of the management listener, for processes that embed a gateway. */
  managementRoutes?: readonly Route[] | ((router: Router) => readonly Route[])
}

export interface GatewayLimits extends ListenerLimits {
  /** Requests that may wait per function. */
  queueLimit: number
  /** Longest wait for a pod. */
  waitLimitMs: number
  /** Of bodies that stream to `http` functions. */
  maxBodyBytes: number
  /** Of bodies that are held whole, all together: API Gateway events have their body in them. Each takes about three times its size. */
  heldBodyBytes: number
  /** Upgraded connections silent for so long are closed. */
  upgradeIdleMs: number
}

export const DEFAULT_LIMITS: GatewayLimits = {
  maxHeaderBytes: 32 * 1024,
  maxUrlBytes: 8 * 1024,
  headersTimeoutMs: 15_000,
  // The longest function timeout is 15 minutes, and an upload may take all of it.
  requestTimeoutMs: 16 * 60_000,
  keepAliveTimeoutMs: 75_000,
  maxConnections: 20_000,
  queueLimit: 1_000,
  waitLimitMs: 30_000,
  maxBodyBytes: 1024 * 1024 * 1024,
  heldBodyBytes: 64 * 1024 * 1024,
  upgradeIdleMs: 15 * 60_000,
}

export interface GatewayPorts {
  publicPort: number
  internalPort: number
  managementPort: number
}

export interface Gateway {
  /** Resolves when all listeners listen; throws ListenError. Ready (see /readyz) once the first snapshot is in. */
  start(): Promise<GatewayPorts>
  /**
   * For `lingerMs` (default 0) everything is served on, each answer with `connection: close`, so that clients leave by themselves; then nothing new
   * is taken, what runs may finish within `graceMs`, and is cut.
   */
  stop(options?: { graceMs?: number; lingerMs?: number }): Promise<void>
  readonly router: Router
  readonly metrics: Metrics
}

export function createGateway(options: GatewayOptions): Gateway {
  return new GatewayProcess(options)
}

class GatewayProcess implements Gateway {
  readonly router: Router
  readonly metrics: Metrics
  readonly #options: GatewayOptions
  readonly #limits: GatewayLimits
  readonly #tallies = new GatewayMetrics()
  readonly #routes = new PublicTargets()
  readonly #budget: BodyBudget
  readonly #listeners: { public: DataListener; internal: DataListener }
  readonly #management: Server
  #draining = false

  constructor(options: GatewayOptions) {
    this.#options = options
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits }
    this.#budget = new BodyBudget(this.#limits.heldBodyBytes)
    this.metrics = options.metrics ?? createMetrics({ processMetrics: true })
    this.router = this.#createRouter()
    this.#tallies.register(this.metrics, this.router)
    this.#listeners = {
      public: this.#createListener(false, (target) => this.#routes.resolve(target)),
      internal: this.#createListener(true, this.#internalTargets()),
    }
    this.#management = createManagementServer({
      metrics: this.metrics,
      notReady: () => this.#notReady(),
      routes: [...functionRoutes(this.router), ...moreRoutes(options, this.router)],
      toProblem,
      loopbackOnly: options.host === '127.0.0.1',
    })
  }

  async start(): Promise<GatewayPorts> {
    const { host, ports = { public: 8080, internal: 8081, management: 9090 } } = this.#options
    this.router.start()
    const bind = (purpose: string, port: number) => ({ host, port, purpose: `gateway (${purpose})` })
    const publicPort = await this.#listeners.public.listener.start(bind('public', ports.public))
    const internalPort = await this.#listeners.internal.listener.start(bind('internal', ports.internal))
    const managementPort = await listen(this.#management, bind('management', ports.management))
    this.#options.logger.info('gateway listens', { publicPort, internalPort, managementPort })
    return { publicPort, internalPort, managementPort }
  }

  async stop({ graceMs = 10_000, lingerMs = 0 }: { graceMs?: number; lingerMs?: number } = {}): Promise<void> {
    this.#draining = true
    // An idle connection that is closed may have a request on its way: who asks once more on it is told first.
    if (lingerMs > 0) await pause(monotonicClock, lingerMs)
    const { public: outside, internal } = this.#listeners
    const cut = setTimeout(() => (outside.upgrades.destroy(), internal.upgrades.destroy()), graceMs)
    await Promise.all([outside.listener.stop(graceMs), internal.listener.stop(graceMs)])
    clearTimeout(cut)
    await this.router.stop()
    await closeServer(this.#management)
  }

  #internalTargets(): (target: IncomingTarget) => Resolution {
    const exists = (key: ObjectKey | undefined) => key !== undefined && this.router.lane(key) !== undefined
    if (this.#options.machineOnly !== true) return (target) => resolveInternal(target, exists)
    const isFunction = (host: string) => exists(functionOfHost(host))
    return (target) => {
      const problem = refuseOtherSites(target, isFunction)
      return problem === undefined ? resolveInternal(target, exists) : problemResolution(problem)
    }
  }

  #createRouter(): Router {
    const { controllerUrls, token, reporter, logger, routing } = this.#options
    const { queueLimit, waitLimitMs } = this.#limits
    return new Router({
      controllerUrls,
      token,
      reporter,
      logger,
      queueLimit,
      waitLimitMs,
      ...routing,
      events: {
        onSnapshot: ({ routes }) => this.#routes.update(routes),
        onLaneClosed: (key) => this.#tallies.forget(key),
        // What runs of a function that is gone is counted no more: its series would come back for good.
        onReplay: (lane, reason) => lane.closed || this.#tallies.tally(lane.key).replay(reason),
        onActivation: (key, outcome) => this.#tallies.tally(key).activation(outcome),
      },
    })
  }

  #createListener(trusted: boolean, resolve: (target: IncomingTarget) => Resolution): DataListener {
    const { maxUrlBytes, maxBodyBytes, upgradeIdleMs } = this.#limits
    const latecomers = new Latecomers({
      clock: monotonicClock,
      onNews: (listener) => this.router.onSnapshot(listener),
      hasFeed: () => this.router.feed.connected,
    })
    const draining = () => this.#draining
    const shared = { router: this.router, metrics: this.#tallies, draining, latecomers, budget: this.#budget }
    const events = trusted ? this.#createEventsApi() : undefined
    const proxies = (trusted ? undefined : this.#options.proxies) ?? ANY_PROXY
    const pipeline = new Pipeline({ ...shared, trusted, proxies, resolve, maxUrlBytes, maxBodyBytes, events })
    const upgrades = new Upgrades(pipeline, upgradeIdleMs)
    const listener = new Listener(this.#limits, {
      onRequest: (request, response, expects) => pipeline.handle(request, response, expects),
      onUpgrade: (request, socket, head) => upgrades.handle({ request, socket: socket as Socket, head }),
      onRejected: (code) => this.#tallies.rejected(code),
    })
    return { listener, upgrades }
  }

  #createEventsApi(): EventsApi | undefined {
    const { events } = this.#options
    if (events === undefined) return undefined
    const tally = new EventsTally({ ...events, metrics: this.metrics, logger: this.#options.logger })
    return new EventsApi({ ...events, budget: this.#budget, onOutcome: (what, outcome) => tally.count(what, outcome) })
  }

  #notReady(): string | undefined {
    if (this.#draining) return 'draining'
    return this.router.feed.ready ? undefined : 'no snapshot from a controller yet'
  }
}

function moreRoutes({ managementRoutes = [] }: GatewayOptions, router: Router): readonly Route[] {
  return typeof managementRoutes === 'function' ? managementRoutes(router) : managementRoutes
}

interface DataListener {
  listener: Listener
  upgrades: Upgrades
}

function toProblem(error: unknown): { status: number; code: string; message: string } {
  if (error instanceof ProblemError) return error
  return { status: 500, code: 'internal', message: errorText(error) }
}
