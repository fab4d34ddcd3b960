/** Reads a cluster into an Observation. What the caller may not see, or what does not answer, is told as hidden; the rest goes on. */
import { FUNCTIONS, RUNTIMES, TRIGGERS } from '../../api/kinds.ts'
import { LABEL } from '../../api/names.ts'
import type { KubeObject } from '../../api/object.ts'
import type { CacheOptions, Kind } from '../../kube/cluster.ts'
import { ClusterError } from '../../kube/errors.ts'
import { EVENTS, LEASES, SERVICES, type ClusterEvent, type Service } from '../../kube/objects.ts'
import { CliError } from '../cli-error.ts'
import type { OpenCluster } from '../cluster/connect-cluster.ts'
import { reasonOf } from '../cluster/forwarded-door.ts'
import { INSTALLATION_LABELS, namespacesOf } from '../cluster/installation.ts'
import {
  CUSTOM_RESOURCE_DEFINITIONS,
  DEPLOYMENTS,
  NETWORK_POLICIES,
  PLATFORM_PODS,
  type PlatformPod,
} from '../cluster/platform-kinds.ts'
import { isUnknownKind } from '../cluster/refusal.ts'
import { EXIT } from '../exit-codes.ts'
import { askPods } from './ask-pods.ts'
import { valueOf, type ApiServer, type NamedCluster, type Observation, type Seen } from './observation.ts'
import { wantedSchemas } from '../install/chart.ts'

export interface ObserveOptions {
  open: OpenCluster
  named: NamedCluster
  cliVersion: string
  systemNamespace: string | undefined
  now: () => number
}

const VERSION_OF_API = 'the version of the API server'
const PATIENCE_MS = 10_000

const OURS = { [LABEL.managedBy]: 'dormouse' }

export async function observe(options: ObserveOptions): Promise<Observation> {
  const { open, named, cliVersion, systemNamespace, now } = options
  const within = systemNamespace === undefined ? {} : { namespace: systemNamespace }
  const [apiServer, services] = await Promise.all([
    seeApiServer(open, now),
    list(open, SERVICES, { ...within, labels: INSTALLATION_LABELS }),
  ])
  const namespace = systemNamespace ?? onlyNamespace(services)
  const [crds, platform, workloads] = await Promise.all([
    list(open, CUSTOM_RESOURCE_DEFINITIONS),
    observePlatform(open, namespace),
    observeWorkloads(open),
  ])
  const pods = valueOf(platform.pods) ?? []
  const found = namespace !== undefined && valueOf(services)?.length === 0 ? undefined : namespace
  return {
    ...{ cluster: open.access.name, named, cliVersion, nowMs: now(), apiServer, crds, services, namespace: found },
    ...{ ...platform, ...workloads, wantedSchemas: wantedSchemas() },
    words: await askPods(open.api, pods),
  }
}

async function observePlatform(open: OpenCluster, namespace: string | undefined) {
  if (namespace === undefined) {
    const none = { kind: 'seen' as const, value: [] }
    return { deployments: none, pods: none, leases: none }
  }
  const scope = { namespace, labels: INSTALLATION_LABELS }
  const [deployments, pods, leases] = await Promise.all([
    list(open, DEPLOYMENTS, scope),
    list(open, PLATFORM_PODS, scope),
    list(open, LEASES, { namespace }),
  ])
  return { deployments, pods: withoutTests(pods), leases }
}

async function observeWorkloads(open: OpenCluster) {
  const [functions, triggers, runtimes, functionPods, functionServices, events, policies] = await Promise.all([
    list(open, FUNCTIONS),
    list(open, TRIGGERS),
    list(open, RUNTIMES),
    list(open, PLATFORM_PODS, { labels: OURS }),
    list(open, SERVICES, { labels: OURS }),
    list(open, EVENTS),
    list(open, NETWORK_POLICIES),
  ])
  const warnings: Seen<ClusterEvent[]> =
    events.kind === 'hidden' ? events : { kind: 'seen', value: events.value.filter(isWarningOfOurs) }
  return { functions, triggers, runtimes, functionPods, functionServices, warnings, policies }
}

const isWarningOfOurs = ({ type, involvedObject }: ClusterEvent) =>
  type === 'Warning' && FUNCTIONS.kind === involvedObject.kind

/** `helm test` leaves pods that have ended. */
function withoutTests(pods: Seen<PlatformPod[]>): Seen<PlatformPod[]> {
  if (pods.kind === 'hidden') return pods
  return { kind: 'seen', value: pods.value.filter(({ status }) => status?.phase !== 'Succeeded') }
}

function onlyNamespace(services: Seen<Service[]>): string | undefined {
  const namespaces = namespacesOf(valueOf(services) ?? [])
  return namespaces.length === 1 ? namespaces[0] : undefined
}

async function list<T extends KubeObject>(
  { cluster }: OpenCluster,
  kind: Kind<T>,
  options: CacheOptions = {},
): Promise<Seen<T[]>> {
  const where = options.namespace === undefined ? '' : ` in namespace ${options.namespace}`
  return see(`${kind.plural}${where}`, async () => {
    try {
      return await cluster.list(kind, options)
    } catch (error) {
      // That CRDs are missing is a finding of its own.
      if (error instanceof ClusterError && isUnknownKind(error)) return []
      throw error
    }
  })
}

async function see<T>(what: string, look: () => Promise<T>): Promise<Seen<T>> {
  try {
    return { kind: 'seen', value: await look() }
  } catch (error) {
    return { kind: 'hidden', what, why: reasonOf(error) }
  }
}

/** Throws CliError (unreachable) when nothing answers: of everything else that would be told later, once for each. */
async function seeApiServer({ api, access }: OpenCluster, now: () => number): Promise<Seen<ApiServer>> {
  const before = now()
  const limit = AbortSignal.timeout(PATIENCE_MS)
  const response = await api.request('/version', { signal: limit }).catch((error: unknown) => {
    const why = limit.aborted ? `no answer within ${PATIENCE_MS / 1000} s` : reasonOf(error)
    throw new CliError(EXIT.unreachable, `${access.name}: ${VERSION_OF_API} cannot be seen: ${why}`, { cause: error })
  })
  return see(VERSION_OF_API, async () => {
    const ourTimeMs = (before + now()) / 2
    // Whatever stands before it may answer with a page.
    const { gitVersion } = (await response.json().catch(() => ({}))) as { gitVersion?: string }
    const timeMs = Date.parse(response.headers.get('date') ?? '')
    if (gitVersion === undefined) throw new Error(`it answered ${response.status}${response.ok ? ' without one' : ''}`)
    return { version: gitVersion, timeMs: Number.isNaN(timeMs) ? ourTimeMs : timeMs, ourTimeMs }
  })
}
