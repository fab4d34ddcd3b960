/**
 * One replica of the controller as a process of its own: the controller, who may talk to it, and a listener for operators. Owns their order of
 * start and end. Leaves environment, signals and the clients of the cluster and of Kafka to main.ts.
 */
import type { Server } from 'node:http'
import { CONTROLLER_AUDIENCE } from '../api/names.ts'
import type { EventLog } from '../events/event-log.ts'
import type { Cluster } from '../kube/cluster.ts'
import { wallClock } from '../lib/clock.ts'
import { closeServer, listen, type ListenAddress } from '../lib/listen.ts'
import type { Logger } from '../lib/logger.ts'
import { createManagementServer } from '../lib/management-server.ts'
import { createMetrics, type Metrics } from '../lib/metrics.ts'
import { DEFAULT_CONTROLLER_CONFIG, type ControllerConfig } from './controller-config.ts'
import { createController, type Controller } from './controller.ts'
import { hostPort } from './fleet/pod-status.ts'
import type { CreateElection } from './leadership.ts'
import { ServiceAccountTokens } from './server/service-account-tokens.ts'

export interface ControllerProcessOptions {
  cluster: Cluster
  /** GET of a path of the API server that is no object's. */
  readApi: (path: string) => Promise<unknown>
  /** Its own. */
  namespace: string
  /** Service accounts of data planes, `namespace/name`. */
  dataPlanes: readonly string[]
  /** For data planes and pods; port 0 = any free one. */
  listen: Omit<ListenAddress, 'purpose'>
  /** For operators. */
  management: Omit<ListenAddress, 'purpose'>
  /** Where pods reach this replica; default: the address listened on. */
  podIp?: string
  /** Base URL of gateways' internal listener. */
  platformUrl?: string
  /** DNS name of it, for Services of Functions. */
  functionServices?: string
  /** Whether Functions may have their code in ConfigMaps; default: yes. */
  readsConfigMaps?: boolean
  podsReadOnly?: boolean
  eventLog?: EventLog
  election?: CreateElection
  /** Of its Lease. */
  lease?: string
  /** What main.ts counts of its own stands beside the controller's; default: the controller's alone. */
  metrics?: Metrics
  /** It led and does not any more: the process is to end. */
  onLost?: (reason: string) => void
  logger: Logger
}

export class ControllerProcess {
  readonly #options: ControllerProcessOptions
  readonly #tokens: ServiceAccountTokens
  readonly #controller: Controller
  readonly #management: Server

  constructor(options: ControllerProcessOptions) {
    const { cluster, namespace, readApi, dataPlanes, eventLog, election, onLost, logger } = options
    this.#options = options
    const { metrics = createMetrics({ processMetrics: true }) } = options
    const known = { accounts: dataPlanes, audience: CONTROLLER_AUDIENCE }
    const tokens = (this.#tokens = new ServiceAccountTokens({ ...known, readApi, clock: wallClock, logger }))
    this.#controller = createController({
      ...{ cluster, namespace, metrics, logger, listen: options.listen },
      authenticate: (request) => tokens.authenticate(request),
      config: configOf(options),
      ...(eventLog && { eventLog }),
      ...(election && { election }),
      ...(options.lease !== undefined && { lease: options.lease }),
      ...(onLost && { onLost }),
    })
    this.#management = createManagementServer({
      metrics,
      notReady: () => this.#controller.notReady(),
      loopbackOnly: options.management.host === '127.0.0.1',
    })
  }

  /** Resolves when it can serve data planes. Throws ListenError, KeysError, ClusterError. */
  async start(): Promise<{ url: string; managementPort: number }> {
    const { management, logger } = this.#options
    const managementPort = await listen(this.#management, { ...management, purpose: 'controller (management)' })
    await this.#tokens.load()
    const { url } = await this.#controller.start()
    logger.info('controller listens', { url, managementPort })
    return { url, managementPort }
  }

  async stop(): Promise<void> {
    await this.#controller.stop()
    await closeServer(this.#management)
  }
}

function configOf(options: ControllerProcessOptions): Partial<ControllerConfig> {
  const { podIp, platformUrl, functionServices, listen, readsConfigMaps, podsReadOnly } = options
  return {
    functions: {
      ...DEFAULT_CONTROLLER_CONFIG.functions,
      ...(platformUrl !== undefined && { internalBaseUrl: platformUrl }),
    },
    ...(podIp !== undefined && { advertisedUrl: `http://${hostPort(podIp, listen.port)}` }),
    ...(platformUrl !== undefined && { platformUrl }),
    ...(functionServices !== undefined && { functionServices }),
    ...(readsConfigMaps !== undefined && { readsConfigMaps }),
    ...(podsReadOnly !== undefined && { podsReadOnly }),
  }
}
