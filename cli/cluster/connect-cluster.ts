/** The Dormouse of a cluster, through the kubeconfig: objects by the Kubernetes API, data plane by forwarded ports. */
import { createClientNodeCluster } from '../../kube/client-node/client-node-cluster.ts'
import { ClusterAccessError, type ClusterAccess } from '../../kube/client-node/cluster-access.ts'
import { loadClusterAccess } from '../../kube/client-node/kube-config.ts'
import { createRawApi, type RawApi } from '../../kube/client-node/raw-api.ts'
import type { Cluster } from '../../kube/cluster.ts'
import { isForbidden } from '../../kube/errors.ts'
import { SERVICES } from '../../kube/objects.ts'
import { createLogger } from '../../lib/logger.ts'
import { CliError } from '../cli-error.ts'
import type { Connection } from '../client/connection.ts'
import type { Door } from '../client/door.ts'
import { createEventsClient } from '../client/events-client.ts'
import type { CliContext } from '../context.ts'
import { EXIT } from '../exit-codes.ts'
import type { Target } from '../target/choose-target.ts'
import { createClusterObjects } from './cluster-objects.ts'
import { openForwardedDoor, reasonOf, type ForwardedDoor } from './forwarded-door.ts'
import { INSTALLATION_LABELS, installationOf, type Installation, type ServicePlace } from './installation.ts'
import { podLogs } from './pod-logs.ts'
import { clusterRefusal } from './refusal.ts'

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
    gateway: () => platform.gateway(),
    async close() {
      await platform.close()
      await open.close()
    },
  }
}

const NO_KAFKA = 'this installation has no dispatcher: it was installed without Kafka brokers, so there are no events'

/** Ways to the installation's pods, opened when they are first needed. */
class Platform {
  readonly events: Door
  readonly #open: OpenCluster
  readonly #systemNamespace: string | undefined
  readonly #doors = new Map<string, Promise<ForwardedDoor>>()
  #installation: Promise<Installation> | undefined

  constructor(open: OpenCluster, systemNamespace: string | undefined) {
    this.#open = open
    this.#systemNamespace = systemNamespace
    let door: Door | undefined
    this.events = {
      send: async (path, request) => {
        door ??= await this.#eventsDoor()
        return door.send(path, request)
      },
      unreachable: (cause) =>
        (door ?? { unreachable: () => clusterSilent(open.access.name, cause) }).unreachable(cause),
    }
  }

  async gateway(): Promise<Door> {
    const { internal: place, namespace } = await this.#find()
    if (place !== undefined) return this.#doorTo(place)
    throw new CliError(EXIT.unreachable, `found no gateway in namespace ${namespace}; see \`dormouse doctor\``)
  }

  async close(): Promise<void> {
    // One that never opened has been told to whoever asked for it.
    await Promise.allSettled([...this.#doors.values()].map(async (door) => (await door).close()))
  }

  async #eventsDoor(): Promise<Door> {
    const { events: place } = await this.#find()
    if (place === undefined) throw new CliError(EXIT.unreachable, NO_KAFKA)
    return this.#doorTo(place)
  }

  #doorTo(place: ServicePlace): Promise<ForwardedDoor> {
    const { api, cluster } = this.#open
    const door = this.#doors.get(place.service) ?? this.#guard(() => openForwardedDoor({ api, cluster, place }))
    this.#doors.set(place.service, door)
    return door
  }

  #find(): Promise<Installation> {
    this.#installation ??= this.#guard(() => this.#look())
    return this.#installation
  }

  async #look(): Promise<Installation> {
    const namespace = this.#systemNamespace
    const { cluster, access } = this.#open
    const within = namespace === undefined ? {} : { namespace }
    try {
      const services = await cluster.list(SERVICES, { ...within, labels: INSTALLATION_LABELS })
      return installationOf(services, namespace === undefined ? access.name : `namespace ${namespace}`)
    } catch (error) {
      if (namespace !== undefined || !isForbidden(error)) throw error
      const what = `${error instanceof Error ? error.message : ''}: say where Dormouse is installed with --system-namespace`
      throw new CliError(EXIT.failure, what, { cause: error })
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

function clusterSilent(name: string, cause: unknown): CliError {
  return new CliError(EXIT.unreachable, `${name} does not answer: ${reasonOf(cause)}`, { cause })
}
