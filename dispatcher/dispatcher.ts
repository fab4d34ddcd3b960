/**
 * The dispatcher: the event data plane. Reads the topics of Triggers and asynchronous invocations and calls functions through routing.
 * Owns consumptions and their end; knows of functions and Triggers what the feed says; leaves the log to whoever opened it.
 */
import type { ObjectKey } from '../api/names.ts'
import type { Consumption } from '../events/consumption/consumption.ts'
import { Engine, type EngineLimits, type RecordEnd } from '../events/consumption/engine.ts'
import type { SubscriptionState } from '../events/consumption/subscription-state.ts'
import type { EventLog } from '../events/event-log.ts'
import type { InvocationLedger } from '../events/invocation-ledger.ts'
import { monotonicClock, wallClock, type Clock } from '../lib/clock.ts'
import type { Logger } from '../lib/logger.ts'
import type { Route } from '../lib/management-server.ts'
import type { Metrics } from '../lib/metrics.ts'
import type { Router } from '../routing/router.ts'
import type { Snapshot } from '../routing/snapshot.ts'
import { CallTallies } from './call-tallies.ts'
import { backlogLoad, type Backlog } from './backlog-load.ts'
import type { Filter } from './deliver/filters.ts'
import { FunctionDeliverer } from './deliver/function-deliverer.ts'
import { Invocations } from './invocations/invocations.ts'
import { LogWatch } from './log-watch.ts'
import { eventRoutes } from './management/routes.ts'
import { registerMetrics, type ConsumersOf } from './metrics.ts'
import { TriggerConsumptions } from './triggers/trigger-consumptions.ts'

export interface DispatcherOptions {
  /** Its feed says which functions and Triggers there are; the caller starts and stops it. */
  router: Router
  log: EventLog
  ledger: InvocationLedger
  logger: Logger
  metrics: Metrics
  /** Given by whoever tells them of the router's wake-ups and replays; default: its own. */
  tallies?: CallTallies
  /** For waits; default: monotonic. */
  clock?: Clock
  /** Epoch milliseconds. */
  wall?: Pick<Clock, 'now'>
  limits?: Partial<EngineLimits>
  /** Destinations may be on this machine: local mode. */
  destinationsOnLoopback?: boolean
  /** Of the log's brokers, as functions see them in Lambda's Kafka event: `host:port,host:port`. */
  bootstrapServers?: string
}

export interface Dispatcher {
  start(): void
  /** Begins nothing new, lets what runs end within the grace, commits. The router and the log must still work. */
  stop(graceMs?: number): Promise<void>
  /** For the management listener. */
  routes(): Route[]
}

/** What cannot be decoded is nobody's. */
const isInvocation = ({ subscription, record }: RecordEnd): boolean =>
  subscription.kind === 'async' && record.undecodable === undefined

/** How far topics reach beyond what is read is looked at this often, where it matters. */
const TICK_MS = 1_000
const NO_FILTERS: readonly Filter[] = []

export function createDispatcher(options: DispatcherOptions): Dispatcher {
  return new EventDispatcher(options)
}

class EventDispatcher implements Dispatcher {
  readonly #options: DispatcherOptions
  readonly #engine: Engine
  readonly #triggers: TriggerConsumptions
  readonly #invocations: Invocations
  readonly #tallies: CallTallies
  readonly #logWatch: LogWatch
  #unsubscribe: () => void = () => undefined
  #cancelTick: (() => void) | undefined
  #isStopped = false

  constructor(options: DispatcherOptions) {
    const { router, log, ledger, metrics, logger, clock = monotonicClock, wall = wallClock, limits } = options
    this.#options = options
    this.#tallies = options.tallies ?? new CallTallies()
    this.#tallies.register(metrics, router)
    this.#logWatch = new LogWatch({ log, clock, logger, metrics })
    this.#invocations = new Invocations({
      engine: () => this.#engine,
      ...{ ledger, clock, logger },
      addresses: { allowsLoopback: options.destinationsOnLoopback === true },
      functionOf: (key) => router.lane(key)?.fn,
    })
    const deliverer = new FunctionDeliverer({
      ...{ router, log, bootstrapServers: options.bootstrapServers },
      filtersOf: ({ key, kind }) =>
        (kind === 'trigger' ? this.#triggers.get(key)?.feed.filters : undefined) ?? NO_FILTERS,
      onCall: ({ kind, functionKey }, delivery) => {
        if (kind === 'async') this.#invocations.called(delivery, functionKey)
      },
      onHeld: ({ kind, functionKey }, delivery) => {
        if (kind === 'async') this.#invocations.held(delivery, functionKey)
      },
      onEnded: (ended) => this.#tallies.ended(ended),
    })
    this.#engine = new Engine({
      ...{ log, deliverer, clock, wall, logger, ...(limits && { limits }) },
      onEnd: (end) => (isInvocation(end) ? this.#invocations.ended(end) : undefined),
    })
    this.#triggers = new TriggerConsumptions(this.#engine)
    registerMetrics(metrics, {
      states: () => this.#reported(),
      consumers: () => this.#consumers(),
      now: () => wall.now(),
    })
  }

  start(): void {
    const { router } = this.#options
    router.setBacklog((key) => this.#backlog(key))
    this.#unsubscribe = router.onSnapshot((snapshot) => this.#apply(snapshot))
    if (router.snapshot.epoch !== undefined) this.#apply(router.snapshot)
    this.#tick()
    this.#logWatch.start()
  }

  async stop(graceMs = this.#engine.limits.revokeGraceMs): Promise<void> {
    this.#engine.limits.revokeGraceMs = Math.min(graceMs, this.#engine.limits.revokeGraceMs)
    this.#isStopped = true
    this.#unsubscribe()
    this.#cancelTick?.()
    this.#logWatch.stop()
    await Promise.all([this.#triggers.stop(), this.#invocations.stop()])
  }

  routes(): Route[] {
    const { log, ledger, router } = this.#options
    return eventRoutes({
      ...{ log, ledger, engine: this.#engine, lookAtLog: () => this.#logWatch.look() },
      trigger: (key) => this.#triggers.get(key),
      invocations: () => this.#invocations.consumption,
      functionOf: (key) => router.lane(key)?.fn,
    })
  }

  #apply({ subscriptions, functions }: Snapshot): void {
    this.#tallies.keep(functions)
    this.#triggers.set(subscriptions)
    this.#invocations.set([...functions.values()].map(({ fn }) => fn))
    this.#engine.scheduler.capacityChanged()
  }

  /** Of all that is for this function and could run. */
  #backlog(key: ObjectKey): { queued: number; concurrency: number } | undefined {
    const fn = this.#options.router.lane(key)?.fn
    return fn && backlogLoad(this.#backlogsOf(key), fn.maxPods * fn.concurrency)
  }

  *#backlogsOf(key: ObjectKey): Iterable<Backlog> {
    for (const { startable, stats } of this.#statesOf(key)) yield { ...startable, meanCallMs: stats.meanCallMs }
  }

  *#statesOf(key: ObjectKey): Iterable<SubscriptionState> {
    for (const consumption of this.#triggers.of(key)) yield* consumption.states
    const own = this.#invocations.consumption?.state(key)
    if (own !== undefined) yield own
  }

  /** A thousand functions that were never invoked asynchronously are no series. */
  *#reported(): Iterable<SubscriptionState> {
    for (const consumption of this.#triggers.all) yield* consumption.states
    for (const state of this.#invocations.consumption?.states ?? []) if (state.workers.size > 0) yield state
  }

  *#consumers(): Iterable<ConsumersOf> {
    for (const { consumers, states } of this.#triggers.all) {
      for (const { subscription } of states) yield { kind: 'trigger', name: subscription.key, consumers }
    }
    const consumers = this.#invocations.consumption?.consumers
    if (consumers !== undefined) yield { kind: 'async', name: '*', consumers }
  }

  #tick(): void {
    this.#cancelTick = this.#engine.clock.after(TICK_MS, () => {
      // A timer that is set after the end would keep the process for ever.
      void this.#refresh().finally(() => this.#isStopped || this.#tick())
    })
  }

  async #refresh(): Promise<void> {
    const consumptions: Consumption[] = [...this.#triggers.all]
    if (this.#invocations.consumption !== undefined) consumptions.push(this.#invocations.consumption)
    for (const consumption of consumptions) {
      try {
        await consumption.refreshEnds()
      } catch (error) {
        this.#engine.sparingLog.warn('ends', 'the ends of topics cannot be seen', { error })
      }
    }
  }
}
