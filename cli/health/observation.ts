/** What `status` and `doctor` have seen of a cluster: plain data, gathered by observe.ts, judged by checks/ and status-report.ts. */
import type { DormouseFunction } from '../../api/function.ts'
import type { Runtime } from '../../api/runtime.ts'
import type { Trigger } from '../../api/trigger.ts'
import type { ClusterEvent, Lease, Service } from '../../kube/objects.ts'
import type {
  CustomResourceDefinition,
  Deployment,
  JsonSchema,
  NetworkPolicy,
  PlatformPod,
} from '../cluster/platform-kinds.ts'

/** What may be looked at, or why it may not. */
export type Seen<T> = { kind: 'seen'; value: T } | { kind: 'hidden'; what: string; why: string }

export interface ApiServer {
  /** `v1.35.4` */
  version: string
  /** Epoch milliseconds by its clock, to the second. */
  timeMs: number
  /** By ours, at the same moment. */
  ourTimeMs: number
}

/** What a pod of the platform says of itself on /readyz. */
export interface PodWord {
  pod: string
  component: string
  ready: boolean
  text: string
  /** Of a ready dispatcher: why it does not reach Kafka at this moment. */
  withoutKafka?: string
}

/** What said which cluster is meant; nothing, where it was the kubeconfig's own choice. */
export interface NamedCluster {
  kubeconfig?: string
  context?: string
}

export interface Observation {
  /** How sentences name the cluster. */
  cluster: string
  named: NamedCluster
  cliVersion: string
  nowMs: number
  apiServer: Seen<ApiServer>
  crds: Seen<CustomResourceDefinition[]>
  /** Of this CLI, by name of the CRD: what should be installed. Undefined where no chart lies beside it. */
  wantedSchemas: ReadonlyMap<string, JsonSchema> | undefined
  /** Of the platform, in all namespaces or in the one that was named. */
  services: Seen<Service[]>
  /** Where the platform is; undefined when it was not found, or was found more than once. */
  namespace: string | undefined
  deployments: Seen<Deployment[]>
  pods: Seen<PlatformPod[]>
  words: PodWord[]
  leases: Seen<Lease[]>
  functions: Seen<DormouseFunction[]>
  triggers: Seen<Trigger[]>
  runtimes: Seen<Runtime[]>
  /** Of functions and pools, in all namespaces. */
  functionPods: Seen<PlatformPod[]>
  /** Of functions, in all namespaces. */
  functionServices: Seen<Service[]>
  /** Warnings about Functions and their pods. */
  warnings: Seen<ClusterEvent[]>
  policies: Seen<NetworkPolicy[]>
}

export function valueOf<T>(seen: Seen<T>): T | undefined {
  return seen.kind === 'seen' ? seen.value : undefined
}

/** One sentence per thing that could not be looked at, each once. */
export function hiddenOf(observation: Observation): string[] {
  const parts: Seen<unknown>[] = [
    ...[observation.apiServer, observation.crds, observation.services, observation.deployments, observation.pods],
    ...[observation.leases, observation.functions, observation.triggers, observation.runtimes],
    ...[observation.functionPods, observation.functionServices, observation.warnings, observation.policies],
  ]
  return [...new Set(parts.flatMap((part) => (part.kind === 'hidden' ? [`${part.what}: ${part.why}`] : [])))]
}
