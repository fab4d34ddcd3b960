/**
 * The controller process without its edges: given a cluster and a place to listen, it reconciles, keeps pools, wakes, scales and feeds data
 * planes. Owns the order in which its parts start and end; promises that stopping leaves pods serving. Leaves environment and signals to main.
 */
import type { IncomingMessage, Server } from 'node:http'
import { Agent } from 'undici'
import type { Cluster } from '../kube/cluster.ts'
import type { EventLog } from '../events/event-log.ts'
import { steadyClock, wallClock, type Clock } from '../lib/clock.ts'
import { closeServer, listen } from '../lib/listen.ts'
import type { Logger } from '../lib/logger.ts'
import type { Metrics } from '../lib/metrics.ts'
import { openCaches, type ControllerCaches } from './caches.ts'
import { DEFAULT_CONTROLLER_CONFIG, type ControllerConfig } from './controller-config.ts'
import { loadKeys } from './keys/keys.ts'
import { hostPort } from './fleet/pod-status.ts'
import { LeaderSeat, registerLeaderGauge, SOLE_LEADERSHIP, type CreateElection, type Election } from './leadership.ts'
import { createParts, type ControllerParts } from './parts.ts'
import { createListener } from './server/listener.ts'
import { createRoutes } from './server/routes.ts'
import { RivalWatch, rivalSentence } from './rivals/rival-watch.ts'
import { servingKnown } from './serving-known.ts'

export interface ControllerOptions {
  cluster: Cluster
  /** The controller's own: its keys are there. */
  namespace: string
  metrics: Metrics
  logger: Logger
  /** Epoch milliseconds, of decisions and of the time of day; default: the machine's, whose setting holds up no decision. */
  clock?: Clock
  /** `host` absent: every address, IPv6 and IPv4. */
  listen: { host?: string | undefined; port: number }
  /** Whether a request comes from one of our data planes. */
  authenticate: (request: IncomingMessage) => boolean | Promise<boolean>
  config?: Partial<ControllerConfig>
  /** Where ticks of cron Triggers go; without it there are none. */
  eventLog?: EventLog
  /** Of pods whose processes are made on this machine, see RuntimeClient. */
  podSecret?: (podUid: string) => string | undefined
  /** By which replicas agree on a leader; without it this controller is the only one. */
  election?: CreateElection
  /** Of its Lease, in its namespace: by it others know that this installation is here. */
  lease?: string
  /** It led and does not any more: it writes nothing from now on, and is to be ended. */
  onLost?: (reason: string) => void
}

export interface Controller {
  /** Resolves when data planes can be served: every Function is known and every pod has said who it is. Throws KeysError, ListenError. */
  start(): Promise<{ url: string }>
  /** Ends everything but pods: they go on serving. One of several gives the lead up first and answers who waits for a wake-up. */
  stop(): Promise<void>
  /** Undefined while data planes may be served, else why not. */
  notReady(): string | undefined
}

/** Functions that cannot be read do not keep the others from being served. */
const LONGEST_SYNC_MS = 10_000
/** For answers that are on their way when it stops. */
const CLOSE_GRACE_MS = 100
/** For wake-ups under way when another replica can take those that come: a pod that is made for one calls home here. */
const WAKE_UP_GRACE_MS = 3_000

export function createController(options: ControllerOptions): Controller {
  return new RunningController(options)
}

class RunningController implements Controller {
  readonly #options: ControllerOptions
  readonly #config: ControllerConfig
  readonly #clock: Clock
  readonly #agent = new Agent({ pipelining: 0, connect: { timeout: 2_000 } })
  readonly #stopping = new AbortController()
  /** Of one among several. */
  readonly #seat: LeaderSeat | undefined
  #election: Election | undefined
  #caches: ControllerCaches | undefined
  #parts: ControllerParts | undefined
  #server: Server | undefined
  #ready = false
  #leading: Promise<void> | undefined
  #rivals: RivalWatch | undefined

  constructor(options: ControllerOptions) {
    this.#options = options
    this.#config = { ...DEFAULT_CONTROLLER_CONFIG, ...options.config }
    this.#clock = options.clock ?? steadyClock()
    this.#seat = options.election && new LeaderSeat()
  }

  async start(): Promise<{ url: string }> {
    try {
      return await this.#start()
    } catch (error) {
      await this.stop()
      throw error
    }
  }

  notReady(): string | undefined {
    if (this.#stopping.signal.aborted) return 'the controller is stopping'
    if (this.#rivals?.rival !== undefined) return rivalSentence(this.#rivals.rival)
    return this.#ready ? undefined : 'the controller is starting: it does not know all Functions yet'
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#rivals?.stop()
    const parts = this.#parts
    if (parts !== undefined) await this.#stopParts(parts)
    this.#caches?.stop()
    await this.#agent.destroy()
  }

  async #stopParts(parts: ControllerParts): Promise<void> {
    if (this.#election !== undefined) await this.#handOver(parts, this.#election)
    parts.activations.stop()
    if (this.#server) await closeServer(this.#server, CLOSE_GRACE_MS)
    parts.fleet.stop()
    await this.#stopDeciding(parts)
    parts.feed.stop()
  }

  async #stopDeciding(parts: ControllerParts): Promise<void> {
    const { pool, autoscaler, functions, triggers, cron, services, code } = parts
    pool.stop()
    parts.stopKeepingCode()
    autoscaler.stop()
    await Promise.all([functions.stop(), triggers.stop(), cron?.stop(), services?.stop(), code.stop()])
  }

  async #start(): Promise<{ url: string }> {
    const { cluster, namespace } = this.#options
    const caches = openCaches(cluster, { services: this.#config.functionServices !== undefined })
    this.#caches = caches
    await caches.synced
    const keys = await loadKeys(cluster, namespace)
    const leadership = this.#seat ?? SOLE_LEADERSHIP
    registerLeaderGauge(this.#options.metrics, leadership)
    const known = { config: this.#config, caches, keys, dispatcher: this.#agent, leadership }
    const clocks = { clock: this.#clock, wall: this.#options.clock ?? wallClock }
    const shared = { ...this.#options, ...known, ...clocks }
    let phoneHomeUrl = ''
    const parts = createParts({ ...shared, phoneHomeUrl: () => phoneHomeUrl })
    this.#parts = parts
    await parts.fleet.rebuild()
    const url = await this.#listen(parts)
    phoneHomeUrl = `${this.#config.advertisedUrl ?? url}/v1/pods`
    parts.feed.start()
    parts.activations.start()
    parts.autoscaler.start()
    await Promise.all([parts.functions.start(), parts.triggers.start()])
    const limits = { limitMs: LONGEST_SYNC_MS, clock: this.#clock, signal: this.#stopping.signal }
    await servingKnown(caches.functions, parts.serving, limits)
    await this.#lookForRivals()
    this.#ready = true
    await this.#standForElection(parts)
    return { url }
  }

  /** Before it leads: two installations would undo each other's work. */
  async #lookForRivals(): Promise<void> {
    const { cluster, namespace, logger, lease } = this.#options
    const seat = this.#seat
    if (lease === undefined || seat === undefined) return
    const onRival = (rival: string | undefined) => seat.yield(rival !== undefined)
    this.#rivals = new RivalWatch({ cluster, own: { namespace, name: lease }, logger, onRival })
    await this.#rivals.start()
  }

  /** Not before it knows everything: a leader that knows half would take the rest for gone. */
  async #standForElection(parts: ControllerParts): Promise<void> {
    const { election, onLost, logger } = this.#options
    const seat = this.#seat
    if (election === undefined || seat === undefined) return this.#lead(parts)
    const onLead = () => {
      logger.info('this replica leads')
      seat.take()
      // After a pause its parts go on by themselves.
      this.#leading ??= this.#lead(parts).catch((error: unknown) =>
        logger.error('the work of a leader could not begin', { error }),
      )
    }
    this.#election = election({
      onLead,
      onPause: () => seat.leave(),
      onLost: (reason) => {
        seat.leave()
        onLost?.(reason)
      },
    })
    seat.follow(this.#election)
    this.#election.start()
  }

  async #lead({ pool, cron, services, code }: ControllerParts): Promise<void> {
    pool.start()
    code.start()
    services?.start()
    await cron?.start()
  }

  /** What only a leader does ends before another can begin with it; data planes go elsewhere, and who waits here is answered. */
  async #handOver(parts: ControllerParts, election: Election): Promise<void> {
    parts.feed.close()
    await this.#stopDeciding(parts)
    this.#seat?.leave()
    await Promise.all([election.stop(), parts.activations.drained(WAKE_UP_GRACE_MS)])
  }

  async #listen(parts: ControllerParts): Promise<string> {
    const { authenticate, logger, metrics } = this.#options
    const { host, port } = this.#options.listen
    const limits = this.#config.server
    this.#server = createListener({
      routes: createRoutes({ ...parts, clock: this.#clock, metrics, limits }),
      authenticate,
      logger,
      notReady: () => this.notReady(),
    })
    const bound = await listen(this.#server, { host, port, purpose: 'controller' })
    return `http://${hostPort(host ?? 'localhost', bound)}`
  }
}
