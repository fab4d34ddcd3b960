/**
 * Turns Triggers into the feed's routes and subscriptions. Owns conflicts between Triggers and their conditions; promises that every change
 * is a whole new list, never half of one; leaves matching requests to gateways and consuming to dispatchers. All Triggers are one key of
 * work: who wins a route depends on the others anyway, a pass is linear in their number, and changes that come together are one pass.
 */
import type { DormouseFunction } from '../../api/function.ts'
import { TRIGGERS } from '../../api/kinds.ts'
import type { FeedRoute, FeedSubscription } from '../../api/protocol.ts'
import type { Trigger, TriggerStatus } from '../../api/trigger.ts'
import type { Cache, CacheHandler, Cluster } from '../../kube/cluster.ts'
import { createControlLoop, done, stale } from '../../kube/control-loop.ts'
import type { ControlLoop, ControlLoopMetrics, Outcome } from '../../kube/control-loop.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Logger } from '../../lib/logger.ts'
import { SOLE_LEADERSHIP, type Leadership } from '../leadership.ts'
import { StatusWriter } from '../status-writer.ts'
import { apply } from './apply.ts'
import type { ListSink } from './apply.ts'
import { observe } from './observe.ts'
import { plan, type ScheduleCheck, type TriggersPlan } from './plan.ts'

const ALL = 'all'

export interface TriggersControllerOptions {
  cluster: Pick<Cluster, 'patchStatus'>
  triggers: Cache<Trigger>
  functions: Cache<DormouseFunction>
  routes: ListSink<FeedRoute>
  subscriptions: ListSink<FeedSubscription>
  /** Of cron Triggers; default: every schedule is taken. */
  checkSchedule?: ScheduleCheck
  /** Why no kafka Trigger can be followed: a clause; undefined: they can. */
  noTopics?: string
  clock: Clock
  /** Of the times in conditions; default: that clock. */
  wall?: Clock
  logger: Logger
  loopMetrics?: ControlLoopMetrics
  /** Default: it leads. Only the leader writes conditions. */
  leadership?: Leadership
}

export interface TriggersController {
  /** Settles when the first lists are published: data planes that saw empty ones would take every Trigger for deleted. */
  start(): Promise<void>
  stop(): Promise<void>
}

export function createTriggersController(options: TriggersControllerOptions): TriggersController {
  return new RouteTableController(options)
}

class RouteTableController implements TriggersController {
  readonly #options: TriggersControllerOptions
  readonly #loop: ControlLoop
  readonly #statuses: StatusWriter<TriggerStatus, Trigger>
  #published: TriggersPlan | undefined
  readonly #leadership: Leadership
  readonly #firstPublished = Promise.withResolvers<void>()
  #unsubscribes: (() => void)[] = []

  constructor(options: TriggersControllerOptions) {
    const { logger, clock, loopMetrics, leadership = SOLE_LEADERSHIP } = options
    this.#options = options
    this.#leadership = leadership
    this.#statuses = new StatusWriter(options.cluster, TRIGGERS)
    this.#loop = createControlLoop({
      name: 'triggers',
      reconcile: () => this.#reconcile(),
      logger,
      clock,
      ...(loopMetrics && { metrics: loopMetrics }),
    })
  }

  async start(): Promise<void> {
    const { triggers, functions } = this.#options
    await Promise.all([triggers.synced, functions.synced])
    this.#unsubscribes = [
      triggers.subscribe(
        onMeaning(
          () => this.#loop.add(ALL),
          (uid) => this.#statuses.forget(uid),
        ),
      ),
      functions.subscribe(onExistence(() => this.#loop.add(ALL))),
      this.#leadership.onLead(() => this.#loop.add(ALL)),
    ]
    this.#loop.add(ALL)
    this.#loop.start()
    await this.#firstPublished.promise
  }

  async stop(): Promise<void> {
    this.#unsubscribes.forEach((unsubscribe) => unsubscribe())
    this.#firstPublished.resolve()
    await this.#loop.stop()
  }

  async #reconcile(): Promise<Outcome> {
    const { routes, subscriptions, clock, wall = clock } = this.#options
    const next = plan(observe(this.#options), this.#options)
    const before = this.#published
    this.#published = next
    const onPublished = () => this.#firstPublished.resolve()
    const statuses = this.#leadership.leads ? { statuses: this.#statuses } : {}
    const targets = { routes, subscriptions, onPublished, ...statuses, nowMs: wall.now() }
    const { isStale } = await apply(next, before, targets)
    return isStale ? stale : done
  }
}

/** Our own status writes come back as updates: only what changes the table counts. */
function onMeaning(changed: () => void, gone: (uid: string) => void): CacheHandler<Trigger> {
  return {
    added: changed,
    updated: ({ metadata }, old) => {
      const isSame =
        metadata.uid === old.metadata.uid &&
        metadata.generation === old.metadata.generation &&
        metadata.deletionTimestamp === old.metadata.deletionTimestamp
      if (!isSame) changed()
    },
    deleted: ({ metadata }) => {
      gone(metadata.uid)
      changed()
    },
  }
}

function onExistence(changed: () => void): CacheHandler<DormouseFunction> {
  return {
    added: changed,
    updated: ({ metadata }, old) => {
      if (metadata.deletionTimestamp !== old.metadata.deletionTimestamp) changed()
    },
    deleted: changed,
  }
}
