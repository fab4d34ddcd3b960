/** Which part knows which: the wiring of the controller, without any order of events. */
import { randomUUID } from 'node:crypto'
import type { Dispatcher } from 'undici'
import { LABEL, splitKey, type ObjectKey } from '../api/names.ts'
import type { EventLog } from '../events/event-log.ts'
import type { Cluster } from '../kube/cluster.ts'
import type { ControlLoopMetrics } from '../kube/control-loop.ts'
import type { Clock } from '../lib/clock.ts'
import type { Logger } from '../lib/logger.ts'
import type { Metrics } from '../lib/metrics.ts'
import { createActivations, type Activations } from './activation/activations.ts'
import { createAutoscaler, type Autoscaler } from './autoscaler/autoscaler.ts'
import { createDesiredBook } from './autoscaler/desired.ts'
import { createCronController, type CronController } from './cron/cron-controller.ts'
import { createScheduleCheck } from './cron/schedule-check.ts'
import { createTickLog } from './cron/tick-log.ts'
import { createCodeBook, type CodeBook } from './code/code-book.ts'
import { createCodeController, type CodeController } from './code/code-controller.ts'
import { CodeStore } from './code/code-store.ts'
import { createCodeSupply, keepServedCode } from './code/code-supply.ts'
import { createArchiveFetcher } from './code/fetch-archive.ts'
import type { ControllerCaches } from './caches.ts'
import type { ControllerConfig } from './controller-config.ts'
import { createFeed, type Feed } from './feed/feed.ts'
import { createLoadBook, type LoadBook } from './feed/load-book.ts'
import type { FeedRoute, FeedSubscription } from '../api/protocol.ts'
import { createListBook } from './feed/list-book.ts'
import type { CodeSupply } from './fleet/fleet.ts'
import { createFunctionEvents } from './fleet/function-events.ts'
import { PodFleet } from './fleet/pod-fleet.ts'
import { createRuntimeClient } from './fleet/runtime-client.ts'
import { registerFunctionMetrics } from './function-metrics.ts'
import { createFunctionsController, type FunctionsController } from './functions/functions-controller.ts'
import { revisionLabels } from './functions/revision-record.ts'
import { createServingBook, type ServingBook } from './functions/serving.ts'
import type { Keys } from './keys/keys.ts'
import type { Leadership } from './leadership.ts'
import { createLoopMetrics } from './loop-metrics.ts'
import { isOwnedBy } from './ownership.ts'
import { createPool, type Pool } from './pool/pool.ts'
import { createServiceBook, type ServiceBook } from './services/service-book.ts'
import { createServicesController, type ServicesController } from './services/services-controller.ts'
import {
  createTriggersController,
  type TriggersController,
  type TriggersControllerOptions,
} from './triggers/triggers-controller.ts'

/** Why topics are not read, or a schedule is not followed: clauses of conditions. */
const NO_TOPICS = 'this installation has no Kafka; its operator sets the brokers'
const NO_TICKS = 'this installation has no Kafka, where ticks are kept; its operator sets the brokers'

export interface PartsOptions {
  cluster: Cluster
  /** Epoch ms that go on evenly. */
  clock: Clock
  /** The time of day: for schedules, and for what is told to people. */
  wall: Clock
  logger: Logger
  metrics: Metrics
  config: ControllerConfig
  caches: ControllerCaches
  keys: Keys
  dispatcher: Dispatcher
  leadership: Leadership
  podSecret?: (podUid: string) => string | undefined
  /** Known once the listener is bound, and asked for only then. */
  phoneHomeUrl: () => string
  /** Where ticks go. */
  eventLog?: EventLog
}

export interface ControllerParts {
  serving: ServingBook
  load: LoadBook
  fleet: PodFleet
  feed: Feed
  pool: Pool
  activations: Activations
  autoscaler: Autoscaler
  functions: FunctionsController
  triggers: TriggersController
  cron?: CronController
  services?: ServicesController
  code: CodeController
  stopKeepingCode: () => void
}

function createBooks(clock: Clock) {
  return {
    serving: createServingBook(),
    load: createLoadBook(clock),
    routes: createListBook<FeedRoute>(),
    subscriptions: createListBook<FeedSubscription>(),
    desired: createDesiredBook(),
  }
}

export function createParts(options: PartsOptions): ControllerParts {
  const { clock, caches, cluster } = options
  const { serving, load, routes, subscriptions, desired } = createBooks(clock)
  const events = createFunctionEvents({ cluster, functions: caches.functions, clock })
  const kept = { codeStore: new CodeStore({ cluster }), codeBook: createCodeBook() }
  const base = { ...options, ...caches, serving, load, events, desired }
  const fleet = createPodFleet({ ...base, code: createCodeSupply(kept.codeStore), drained: (uid) => feed.drained(uid) })
  const feed = createFeed({ ...base, epoch: randomUUID(), fleet, routes, subscriptions })
  const loopMetrics = createLoopMetrics(options.metrics)
  const serviceBook = createServiceBook()
  registerFunctionMetrics(options.metrics, { serving, fleet })
  const functions = createFunctionsController({
    ...{ ...base, fleet, loadReports: load, code: kept.codeBook, codeStore: kept.codeStore },
    ...(options.config.functionServices !== undefined && { names: serviceBook }),
    config: { ...options.config.functions, afterWakeMs: options.config.fleet.afterWakeMs },
    loopMetrics: loopMetrics('functions'),
  })
  const autoscaler = createAutoscaler({
    ...{ ...base, fleet },
    onDecision: (key, change) => functions.announceScale(key, change),
  })
  const activations = createActivations({
    ...{ ...base, fleet, feed, afterWakeMs: options.config.fleet.afterWakeMs },
    onWish: (key, pods) => autoscaler.wish(key, pods),
    onLoadFailure: (key, revision, error) => functions.reportLoadFailure(key, revision, error),
  })
  const triggers = createTriggersController({
    ...{ ...base, routes, subscriptions, loopMetrics: loopMetrics('triggers') },
    ...withoutEvents(options),
  })
  const optional = createOptional(options, serviceBook, loopMetrics)
  const code = createCode(options, { ...kept, serving }, loopMetrics)
  const pool = createPool({ ...base, fleet })
  return { serving, load, fleet, feed, pool, activations, autoscaler, functions, triggers, ...optional, ...code }
}

/** What Triggers are told where there is no Kafka. */
function withoutEvents({
  eventLog,
  wall,
}: PartsOptions): Pick<TriggersControllerOptions, 'checkSchedule' | 'noTopics'> {
  return {
    checkSchedule: eventLog ? createScheduleCheck({ now: () => wall.now() }) : () => NO_TICKS,
    ...(eventLog === undefined && { noTopics: NO_TOPICS }),
  }
}

function createCode(
  { cluster, caches: { functions }, config, clock, logger, leadership }: PartsOptions,
  { codeBook, codeStore, serving }: { codeBook: CodeBook; codeStore: CodeStore; serving: ServingBook },
  loopMetrics: (loop: string) => ControlLoopMetrics,
): Pick<ControllerParts, 'code' | 'stopKeepingCode'> {
  const fetcher = createArchiveFetcher({ allowsLoopback: config.archivesFromLoopback })
  const { readsConfigMaps, missingConfigMap } = config
  const shared = { cluster, functions, book: codeBook, store: codeStore, clock, logger, leadership, loopMetrics }
  return {
    code: createCodeController({ ...shared, fetcher, readsConfigMaps, missingConfigMap }),
    stopKeepingCode: keepServedCode(codeStore, serving, logger),
  }
}

function createOptional(
  options: PartsOptions,
  book: ServiceBook,
  loopMetrics: (loop: string) => ControlLoopMetrics,
): Pick<ControllerParts, 'cron' | 'services'> {
  const cron = options.eventLog && createCron(options, options.eventLog, loopMetrics('cron'))
  const services = createServices(options, book, loopMetrics('services'))
  return { ...(cron && { cron }), ...(services && { services }) }
}

function createServices(
  { cluster, caches: { functions, services }, config, clock, logger, leadership }: PartsOptions,
  book: ServiceBook,
  loopMetrics: ControlLoopMetrics,
): ServicesController | undefined {
  const { functionServices: host } = config
  if (host === undefined || services === undefined) return undefined
  return createServicesController({ cluster, functions, services, book, host, clock, logger, leadership, loopMetrics })
}

function createCron(
  { cluster, caches, wall: clock, logger, leadership }: PartsOptions,
  log: EventLog,
  loopMetrics: ControlLoopMetrics,
): CronController {
  const ticks = createTickLog({ log, clock })
  return createCronController({ cluster, triggers: caches.triggers, ticks, clock, logger, leadership, loopMetrics })
}

interface FleetInputs extends PartsOptions {
  serving: ServingBook
  code: CodeSupply
  events: ReturnType<typeof createFunctionEvents>
  drained: (podUid: string) => Promise<void>
}

function createPodFleet(inputs: FleetInputs): PodFleet {
  const { caches, keys, dispatcher, config, serving, phoneHomeUrl } = inputs
  const { functions, revisions } = caches
  const settings = {
    get phoneHomeUrl() {
      return phoneHomeUrl()
    },
    publicKey: keys.publicKey,
    initTimeoutMs: config.initTimeoutMs,
    ports: config.podPorts,
    readOnlyRoot: config.podsReadOnly,
    platformUrl: config.platformUrl,
  }
  const existing = (key: ObjectKey, revision: string) => {
    const { namespace, name } = splitKey(key)
    const uid = functions.get({ namespace, name })?.metadata.uid
    const stored = revisions.list({ namespace, labels: { ...revisionLabels(name), [LABEL.revision]: revision } })
    return uid !== undefined && stored.some((revision) => isOwnedBy(revision, uid)) ? { uid } : undefined
  }
  return new PodFleet({
    ...inputs,
    ...caches,
    client: createRuntimeClient({ dispatcher, keys, podSecret: inputs.podSecret }),
    settings,
    limits: config.fleet,
    existing,
    timeoutMsOf: (key) => serving.get(key)?.timeoutMs,
    servingTemplate: (key, revision) => {
      const template = serving.get(key)?.template
      return template?.revision === revision ? template : undefined
    },
  })
}
