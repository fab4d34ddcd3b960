/**
 * The place of the controller: one at a time, stopped and started anew at the same address, as a controller that is replaced in a cluster
 * keeps its Service. Each start is a fresh controller that knows nothing but what the cluster says.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { createController, type Controller } from '../controller/controller.ts'
import { AT_ONCE_MS } from '../controller/after-wake.ts'
import { DEFAULT_CONTROLLER_CONFIG, type ControllerConfig } from '../controller/controller-config.ts'
import { bearerToken } from '../controller/server/listener.ts'
import type { EventLog } from '../events/event-log.ts'
import type { Cluster } from '../kube/cluster.ts'
import type { Clock } from '../lib/clock.ts'
import type { Logger } from '../lib/logger.ts'
import type { Metrics } from '../lib/metrics.ts'
import type { PodSecrets } from './pod-secrets.ts'

export interface ControllerSlotOptions {
  cluster: Cluster
  /** Bearer token that data planes present. */
  token: string
  host: string
  verifyFirstRevision: boolean
  /** How long user code may load; default: the controller's. */
  initTimeoutMs?: number | undefined
  /** Of the internal listener, for `status.url`; undefined while its port is not known. */
  internalBaseUrl?: string | undefined
  /** Where ticks of cron Triggers go. */
  events: EventLog
  clock?: Clock | undefined
  secrets: PodSecrets
  metrics: Metrics
  logger: Logger
}

/** Where the controller's own Secret is kept. */
const NAMESPACE = 'dormouse-system'

export class ControllerSlot {
  readonly #options: ControllerSlotOptions
  #controller: Controller | undefined
  #port = 0
  /** What the running controller registered: the next one registers the same again. */
  #metricNames: string[] = []

  constructor(options: ControllerSlotOptions) {
    this.#options = options
  }

  /** Resolves with its URL when it can serve data planes. Throws ListenError. */
  async start(): Promise<string> {
    if (this.#controller !== undefined) throw new Error('the controller runs already')
    const { cluster, token, host, metrics, logger, events, clock, secrets } = this.#options
    const before = new Set(metricNames(metrics))
    this.#controller = createController({
      cluster,
      namespace: NAMESPACE,
      metrics,
      ...(clock && { clock }),
      logger: logger.child({ part: 'controller' }),
      listen: { host, port: this.#port },
      authenticate: (request) => isBearer(request, token),
      config: this.#config(),
      eventLog: events,
      podSecret: (podUid) => secrets.of(podUid),
    })
    const { url } = await this.#controller.start()
    this.#metricNames = metricNames(metrics).filter((name) => !before.has(name))
    this.#port = Number(new URL(url).port)
    return url
  }

  #config(): Partial<ControllerConfig> {
    const { verifyFirstRevision, initTimeoutMs, internalBaseUrl } = this.#options
    return {
      functions: {
        ...DEFAULT_CONTROLLER_CONFIG.functions,
        verifyFirstRevision,
        ...(internalBaseUrl !== undefined && { internalBaseUrl }),
      },
      archivesFromLoopback: true,
      fleet: { ...DEFAULT_CONTROLLER_CONFIG.fleet, afterWakeMs: AT_ONCE_MS },
      missingConfigMap: 'local mode has no ConfigMaps; give code.path, code.inline or code.archive instead',
      // Many pods share one machine.
      podPorts: { control: 0, data: 0 },
      ...(internalBaseUrl !== undefined && { platformUrl: internalBaseUrl }),
      ...(initTimeoutMs !== undefined && { initTimeoutMs }),
    }
  }

  /** Ends it; pods go on serving. Nothing when none runs. */
  async stop(): Promise<void> {
    const controller = this.#controller
    this.#controller = undefined
    await controller?.stop()
    for (const name of this.#metricNames.splice(0)) this.#options.metrics.registry.removeSingleMetric(name)
  }
}

function metricNames({ registry }: Metrics): string[] {
  return registry.getMetricsAsArray().map(({ name }) => name)
}

/** Compares hashes: they are of one length whatever was sent. */
function isBearer(request: IncomingMessage, token: string): boolean {
  const hash = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(hash(bearerToken(request) ?? ''), hash(token))
}
