/**
 * The whole of Dormouse in one process: state directory, memory cluster, event log, controller, gateway, dispatcher, and a kubelet that
 * runs pods as child processes. Owns their wiring, their order of start and stop, and nothing else: what they do is the same in a cluster.
 * Promises that after stop(), and after a failed start, no process, listener or lock of it is left.
 */
import { randomBytes } from 'node:crypto'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FUNCTIONS, RUNTIMES, TRIGGERS } from '../api/kinds.ts'
import { keyOf } from '../api/names.ts'
import type { KubeObject } from '../api/object.ts'
import { admit } from '../api/validate.ts'
import { createDispatcher, type Dispatcher } from '../dispatcher/dispatcher.ts'
import type { EventLog } from '../events/event-log.ts'
import type { KafkaSettings } from '../events/kafka/environment.ts'
import { createGateway, type Gateway, type GatewayLimits } from '../gateway/gateway.ts'
import { createMemoryCluster, type MemoryCluster } from '../kube/memory/memory-cluster.ts'
import type { Kind } from '../kube/cluster.ts'
import { CONTROLLER_REVISIONS, SECRETS } from '../kube/objects.ts'
import { wallClock, type Clock } from '../lib/clock.ts'
import type { Logger } from '../lib/logger.ts'
import { createMetrics, type Metrics } from '../lib/metrics.ts'
import { localRoutes, type LocalInstance } from './api/routes.ts'
import { ControllerSlot } from './controller-slot.ts'
import { openLocalEvents, type LocalEvents } from './event-log.ts'
import { holdFreePort, type HeldPort } from './free-port.ts'
import { startGuardian } from './kubelet/guardian.ts'
import { Kubelet } from './kubelet/kubelet.ts'
import type { Environment } from './kubelet/pod-environment.ts'
import { createLogBook, type LogBook } from './logs/log-book.ts'
import { ensureNodeRuntime } from './node-runtime.ts'
import { PodSecrets } from './pod-secrets.ts'
import { localImages } from './runtime-images.ts'
import { openStore } from './store/store.ts'
import { StopList } from './stop-list.ts'

const HOST = '127.0.0.1'
/** What must outlive the process. Pods do not: they are processes of this life. */
const KEPT_KINDS: Kind<KubeObject>[] = [FUNCTIONS, TRIGGERS, RUNTIMES, CONTROLLER_REVISIONS, SECRETS]
const DEFAULT_GRACE_MS = 5_000

export interface LocalOptions {
  /** Made when it does not exist; held by one instance at a time. */
  stateDir: string
  /** 0 = any free port. */
  ports: { public: number; internal: number; management: number }
  /** Pods of runtime `node` that wait warm in each namespace; default: what the state says, at first 3. */
  poolSize?: number
  /** The Kafka to keep events on; none: they are kept in the state directory. */
  kafka?: KafkaSettings
  /** The environment of this process: pods see its paths and proxies. */
  hostEnvironment: Environment
  version: string
  logger: Logger
  /** Load a new Function's first revision in the background, so that mistakes show before the first call. Default true. */
  verifyFirstRevision?: boolean
  /** How long user code may load; default 10 s. */
  initTimeoutMs?: number
  /** Of the gateway's listeners and queues; default: the gateway's. */
  limits?: Partial<GatewayLimits>
  /** Epoch milliseconds, for tests of what the time of day decides: what the controller goes by; default: the machine's. */
  clock?: Clock
  /** Given the controller's address, the one the gateway uses instead: a way between the two that can be cut. */
  controllerVia?: (controllerUrl: string) => Promise<string>
}

type Urls = LocalInstance['urls']

export interface LocalPlatform {
  readonly urls: Urls
  readonly cluster: MemoryCluster
  readonly logs: LogBook
  readonly gateway: Gateway
  /** For fault tests: the controller can be stopped and started while all else goes on. */
  readonly controller: ControllerSlot
  readonly kubelet: Kubelet
  readonly events: EventLog
  /** Ends everything within about `graceMs`. A second call waits for the first. */
  stop(graceMs?: number): Promise<void>
}

/** Throws StoreError, ListenError: one sentence each. */
export async function startLocal(options: LocalOptions): Promise<LocalPlatform> {
  const stops = new StopList()
  try {
    return await assemble(options, stops)
  } catch (error) {
    await stops.run(0)
    throw error
  }
}

async function assemble(options: LocalOptions, stops: StopList): Promise<LocalPlatform> {
  const { stateDir, kafka, logger, clock } = options
  const store = openStore(stateDir, { parse: (object) => admit(object.kind, object) })
  stops.add('store', () => store.close())
  const events = await openLocalEvents({ stateDir, kafka, logger: logger.child({ part: 'events' }) })
  stops.add('log', () => events.close())
  const cluster = createMemoryCluster({
    admit,
    now: () => (clock ?? wallClock).now(),
    persistence: { store, kinds: KEPT_KINDS },
    onError: (error) => logger.error('a background task of the cluster failed', { error }),
  })
  await ensureNodeRuntime(cluster, options.poolSize)
  const images = await localImages()
  const shared = {
    cluster,
    events,
    token: randomBytes(32).toString('base64url'),
    metrics: createMetrics({ processMetrics: true }),
    secrets: new PodSecrets(),
  }
  const { verifyFirstRevision = true, initTimeoutMs } = options
  const held = await holdInternalPort(options, stops)
  const ports = { ...options.ports, internal: held?.port ?? options.ports.internal }
  const rules = { verifyFirstRevision, initTimeoutMs, internalBaseUrl: `http://${HOST}:${ports.internal}` }
  const controller = new ControllerSlot({ ...shared, events: events.log, ...rules, host: HOST, clock, logger })
  stops.add('controller', () => controller.stop())
  const controllerUrl = await controller.start()
  const logs = createLogBook()
  await held?.release()
  const { gateway, urls } = await startGateway(
    { ...shared, options: { ...options, ports }, logs, controllerUrl },
    stops,
  )
  const kubelet = await startKubelet({ ...shared, options, logs, images }, stops)
  forgetLogsOfDeleted(cluster, logs, stops)
  store.announce(urls.management)
  const stop = (graceMs = DEFAULT_GRACE_MS) => stops.run(graceMs)
  return { urls, cluster, logs, gateway, controller, kubelet, events: events.log, stop }
}

async function holdInternalPort({ ports }: LocalOptions, stops: StopList): Promise<HeldPort | undefined> {
  if (ports.internal !== 0) return undefined
  const held = await holdFreePort(HOST)
  stops.add('gateway', () => held.release())
  return held
}

interface GatewayParts {
  options: LocalOptions
  cluster: MemoryCluster
  logs: LogBook
  events: LocalEvents
  metrics: Metrics
  token: string
  controllerUrl: string
}

async function startGateway(parts: GatewayParts, stops: StopList): Promise<{ gateway: Gateway; urls: Urls }> {
  const { options, cluster, logs, metrics, token, controllerUrl, events } = parts
  const { log, ledger, bootstrapServers } = events
  const { version, stateDir, ports, limits, controllerVia } = options
  let urls: Urls = { public: '', internal: '', management: '' }
  const dispatcherLogger = options.logger.child({ part: 'dispatcher' })
  let dispatcher: Dispatcher | undefined
  const managementRoutes = localRoutes({
    cluster,
    logs,
    instance: () => ({ version, pid: process.pid, stateDir, urls }),
  })
  const gateway = createGateway({
    controllerUrls: [controllerVia === undefined ? controllerUrl : await controllerVia(controllerUrl)],
    token: () => token,
    reporter: `local-${process.pid}`,
    host: HOST,
    machineOnly: true,
    ports,
    ...(limits && { limits }),
    metrics,
    managementRoutes: (router) => {
      dispatcher = createDispatcher({
        ...{ router, log, ledger, metrics, bootstrapServers, logger: dispatcherLogger },
        destinationsOnLoopback: true,
      })
      return [...managementRoutes, ...dispatcher.routes()]
    },
    events: { log, ledger },
    logger: options.logger.child({ part: 'gateway' }),
  })
  stops.add('gateway', (graceMs) => gateway.stop({ graceMs }))
  stops.add('dispatcher', (graceMs) => dispatcher?.stop(graceMs))
  urls = urlsOf(await gateway.start())
  dispatcher?.start()
  return { gateway, urls }
}

interface KubeletParts {
  options: LocalOptions
  cluster: MemoryCluster
  logs: LogBook
  images: Awaited<ReturnType<typeof localImages>>
  secrets: PodSecrets
}

/** The guardian ends after the kubelet: while there are pods there is somebody to end them. */
async function startKubelet(
  { options, cluster, logs, images, secrets }: KubeletParts,
  stops: StopList,
): Promise<Kubelet> {
  const podsDirectory = mkdtempSync(join(tmpdir(), 'dormouse-'))
  const guardian = startGuardian(podsDirectory)
  stops.add('guardian', () => guardian.stop())
  const { hostEnvironment } = options
  const logger = options.logger.child({ part: 'kubelet' })
  const kubelet = new Kubelet({ cluster, images, logs, guardian, podsDirectory, hostEnvironment, secrets, logger })
  stops.add('kubelet', (graceMs) => kubelet.stop(graceMs))
  await kubelet.start()
  return kubelet
}

function forgetLogsOfDeleted(cluster: MemoryCluster, logs: LogBook, stops: StopList): void {
  const functions = cluster.cache(FUNCTIONS)
  functions.subscribe({
    deleted: ({ metadata }) => logs.forget(keyOf(metadata)),
  })
  stops.add('controller', () => functions.stop())
}

function urlsOf(ports: Awaited<ReturnType<Gateway['start']>>): Urls {
  const url = (port: number) => `http://${HOST}:${port}`
  return { public: url(ports.publicPort), internal: url(ports.internalPort), management: url(ports.managementPort) }
}
