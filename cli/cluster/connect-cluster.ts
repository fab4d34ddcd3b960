/** The Dormouse of a cluster, through the kubeconfig: objects by the Kubernetes API, data plane by its proxy and forwarded ports. */
import { createClientNodeCluster } from '../../kube/client-node/client-node-cluster.ts'
import { ClusterAccessError, type ClusterAccess } from '../../kube/client-node/cluster-access.ts'
import { loadClusterAccess } from '../../kube/client-node/kube-config.ts'
import { createRawApi, type RawApi } from '../../kube/client-node/raw-api.ts'
import type { Cluster } from '../../kube/cluster.ts'
import { ClusterError, isForbidden } from '../../kube/errors.ts'
import { createLogger } from '../../lib/logger.ts'
import { CliError } from '../cli-error.ts'
import type { Connection } from '../client/connection.ts'
import type { Door } from '../client/door.ts'
import { createEventsClient } from '../client/events-client.ts'
import type { CliContext } from '../context.ts'
import { EXIT } from '../exit-codes.ts'
import type { Target } from '../target/choose-target.ts'
import { createClusterObjects } from './cluster-objects.ts'
import { openForwardedDoor, type ForwardedDoor } from './forwarded-door.ts'
import {
  assumedInstallation,
  DEFAULT_SYSTEM_NAMESPACE,
  INSTALLATION_LABELS,
  installationOf,
  type Installation,
} from './installation.ts'
import { PLATFORM_SERVICES } from './platform-kinds.ts'
import { podLogs } from './pod-logs.ts'
import { clusterRefusal } from './refusal.ts'
import { serviceDoor } from './service-door.ts'

export interface ClusterConnectionOptions {
  context: Pick<CliContext, 'environment'>
  target: Extract<Target, { kind: 'cluster' }>
  systemNamespace?: string
}

/** What everything of a cluster is made of; commands of their own (status, doctor) begin here. */
export interface OpenCluster {
  access: ClusterAccess
  api: RawApi
  cluster: Cluster
  close(): Promise<void>
}

/** Throws CliError (usage) when the kubeconfig names no cluster. */
export async function openCluster({ context, target }: ClusterConnectionOptions): Promise<OpenCluster> {
  const { kind: _, ...named } = target
  const access = await loadClusterAccess({ env: context.environment, ...named }).catch((error: unknown) => {
    throw error instanceof ClusterAccessError ? new CliError(EXIT.usage, error.message, { cause: error }) : error
  })
  // What a watch tries again is no news for whoever waits for the command.
  const logger = createLogger({ sink: () => undefined })
  const cluster = createClientNodeCluster({ access, logger, component: 'dormouse-cli' })
  const api = createRawApi(access)
  const close = async () => void (await Promise.all([cluster.close(), api.close()]))
  return { access, api, cluster, close }
}

export async function connectCluster(options: ClusterConnectionOptions): Promise<Connection> {
  const open = await openCluster(options)
  const platform = new Platform(open, options.systemNamespace)
  const { cluster, api, access } = open
  const logs: Parameters<typeof createClusterObjects>[0]['logs'] = (query, signal) =>
    podLogs({ api, cluster }, query, signal)
  return {
    namespace: access.namespace,
    objects: createClusterObjects({ cluster, name: access.name, logs }),
    events: createEventsClient(platform.events),
    gateway: ({ exact = false } = {}) => platform.gateway(exact),
    async close() {
      await platform.close()
      await open.close()
    },
  }
}

const NO_KAFKA = 'this installation has no dispatcher: it was installed without Kafka brokers, so there are no events'

/** Ways to the installation's Services; looked for when the first is gone. */
class Platform {
  readonly events: Door
  readonly #open: OpenCluster
  readonly #systemNamespace: string | undefined
  readonly #forwarded: ForwardedDoor[] = []
  #installation: Promise<Installation> | undefined

  constructor(open: OpenCluster, systemNamespace: string | undefined) {
    this.#open = open
    this.#systemNamespace = systemNamespace
    this.events = {
      send: async (path, request) => (await this.#eventsDoor()).send(path, request),
      unreachable: (cause) => new CliError(EXIT.unreachable, `${open.access.name} does not answer`, { cause }),
    }
  }

  async gateway(exact: boolean): Promise<Door> {
    const { internal: place, namespace } = await this.#find()
    if (place === undefined)
      throw new CliError(EXIT.unreachable, `found no gateway in namespace ${namespace}; see \`dormouse doctor\``)
    const { api, cluster, access } = this.#open
    if (!exact) return serviceDoor({ api, cluster: access.name, place })
    const door = await this.#guard(() => openForwardedDoor({ api, cluster, place }))
    this.#forwarded.push(door)
    return door
  }

  async close(): Promise<void> {
    await Promise.all(this.#forwarded.map((door) => door.close()))
  }

  async #eventsDoor(): Promise<Door> {
    const { events: place } = await this.#find()
    if (place === undefined) throw new CliError(EXIT.unreachable, NO_KAFKA)
    const { api, access } = this.#open
    return serviceDoor({ api, cluster: access.name, place })
  }

  #find(): Promise<Installation> {
    this.#installation ??= this.#look()
    return this.#installation
  }

  async #look(): Promise<Installation> {
    const namespace = this.#systemNamespace
    const { cluster, access } = this.#open
    const within = namespace === undefined ? {} : { namespace }
    try {
      const services = await cluster.list(PLATFORM_SERVICES, { ...within, labels: INSTALLATION_LABELS })
      return installationOf(services, namespace === undefined ? access.name : `namespace ${namespace}`)
    } catch (error) {
      if (isForbidden(error)) return assumedInstallation(namespace ?? DEFAULT_SYSTEM_NAMESPACE)
      throw error instanceof ClusterError ? clusterRefusal(error, access.name) : error
    }
  }

  async #guard<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      throw clusterRefusal(error, this.#open.access.name)
    }
  }
}
