/**
 * The dispatcher as a process of its own: feed from the controllers, events from the log it is given, a listener for operators. Owns their
 * order of start and end: what runs when it is told to stop is let finish and committed, so that its partitions move without repeats.
 */
import type { Server } from 'node:http'
import type { EventLog } from '../events/event-log.ts'
import type { InvocationLedger } from '../events/invocation-ledger.ts'
import { Ending } from '../lib/ending.ts'
import { closeServer, listen } from '../lib/listen.ts'
import type { Logger } from '../lib/logger.ts'
import { createManagementServer } from '../lib/management-server.ts'
import { createMetrics } from '../lib/metrics.ts'
import { Router, type RouterEvents } from '../routing/router.ts'
import { CallTallies } from './call-tallies.ts'
import { createDispatcher, type Dispatcher } from './dispatcher.ts'

export interface DispatcherProcessOptions {
  /** Base URLs of all controller replicas. */
  controllerUrls: readonly string[]
  /** Bearer token of data planes; asked for on every call to a controller. */
  token: () => string
  /** Names this process to controllers; unique among data planes. */
  reporter: string
  /** Closed at the end. */
  log: EventLog
  /** Closed before the log. */
  ledger: InvocationLedger & { close?(): Promise<void> }
  /** Of the log's brokers, as functions see them: `host:port,host:port`. */
  bootstrapServers?: string
  /** Why the log cannot be used yet; undefined when it can. */
  logNotReady: () => string | undefined
  /** Of the management listener; port 0 = any free one. */
  /** `host` absent: every address, IPv6 and IPv4. */
  listen: { host?: string | undefined; port: number }
  logger: Logger
}

/** For leaving groups and closing connections after the grace, each with its own share; the chart's grace period has a little more. */
const END_MS = { leave: 3_000, ledger: 1_000, log: 3_000, router: 1_000 }
export const DISPATCHER_END_MS = 9_000

export class DispatcherProcess {
  readonly #options: DispatcherProcessOptions
  readonly #router: Router
  readonly #dispatcher: Dispatcher
  readonly #management: Server
  #draining = false

  constructor(options: DispatcherProcessOptions) {
    const { controllerUrls, token, reporter, log, ledger, logger, bootstrapServers } = options
    const metrics = createMetrics({ processMetrics: true })
    this.#options = options
    const tallies = new CallTallies()
    const events: RouterEvents = {
      onReplay: ({ key }, reason) => tallies.tally(key).replay(reason),
      onActivation: (key, outcome) => tallies.tally(key).activation(outcome),
    }
    const router = (this.#router = new Router({ controllerUrls, token, reporter, logger, events }))
    this.#dispatcher = createDispatcher({
      ...{ router, log, ledger, metrics, logger, tallies },
      ...(bootstrapServers !== undefined && { bootstrapServers }),
    })
    this.#management = createManagementServer({
      metrics,
      notReady: () => this.#notReady(),
      routes: this.#dispatcher.routes(),
      loopbackOnly: options.listen.host === '127.0.0.1',
    })
  }

  /** Resolves with the port of the management listener; throws ListenError. */
  async start(): Promise<number> {
    const { logger, listen: at } = this.#options
    const managementPort = await listen(this.#management, { ...at, purpose: 'dispatcher (management)' })
    // Told to end meanwhile: what is begun now nobody would end.
    if (this.#draining) {
      await closeServer(this.#management)
      return managementPort
    }
    this.#router.start()
    this.#dispatcher.start()
    logger.info('dispatcher listens', { managementPort })
    return managementPort
  }

  /** Within `graceMs` and DISPATCHER_END_MS, whatever does not answer; rejects never, the ending knows what failed. */
  async stop(graceMs: number, ending = new Ending({ logger: this.#options.logger })): Promise<void> {
    const { log, ledger } = this.#options
    this.#draining = true
    await ending.step(
      'what runs, its commits and its groups',
      () => this.#dispatcher.stop(graceMs),
      graceMs + END_MS.leave,
    )
    await ending.step('what is told of invocations', async () => ledger.close?.(), END_MS.ledger)
    await Promise.all([
      ending.step('the feed', () => this.#router.stop(), END_MS.router),
      ending.step('connections to Kafka', () => log.close(), END_MS.log),
    ])
    await closeServer(this.#management)
  }

  #notReady(): string | undefined {
    if (this.#draining) return 'draining'
    return this.#router.feed.ready ? this.#options.logNotReady() : 'no snapshot from a controller yet'
  }
}
