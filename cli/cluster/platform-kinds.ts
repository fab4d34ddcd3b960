/** The built-in kinds an installation is made of, reduced to the fields we read. */
import type { KubeObject } from '../../api/object.ts'
import type { Kind } from '../../kube/cluster.ts'
import { PODS, type Pod } from '../../kube/objects.ts'

export interface ContainerStatus {
  name: string
  image?: string
  ready: boolean
  restartCount: number
  state?: {
    running?: { startedAt?: string }
    waiting?: { reason?: string; message?: string }
    terminated?: { exitCode: number; reason?: string; message?: string }
  }
  lastState?: { terminated?: { exitCode: number; reason?: string; message?: string } }
}

/** A pod with what tells why it does not run. */
export interface PlatformPod extends Omit<Pod, 'status'> {
  status?: {
    phase?: string
    podIP?: string
    reason?: string
    message?: string
    conditions?: { type: string; status: string; reason?: string; message?: string }[]
    containerStatuses?: ContainerStatus[]
  }
}

export const PLATFORM_PODS: Kind<PlatformPod> = PODS as Kind<KubeObject> as Kind<PlatformPod>

export interface Deployment extends KubeObject {
  kind: 'Deployment'
  spec: {
    replicas?: number
    selector: { matchLabels?: Record<string, string> }
    template: { spec: { containers: { name: string; image: string }[] } }
  }
  status?: {
    replicas?: number
    readyReplicas?: number
    updatedReplicas?: number
    conditions?: { type: string; status: string; reason?: string; message?: string }[]
  }
}

export interface CustomResourceDefinition extends KubeObject {
  kind: 'CustomResourceDefinition'
  spec: { versions: { name: string; served: boolean; schema?: { openAPIV3Schema?: JsonSchema } }[] }
  status?: { conditions?: { type: string; status: string; message?: string }[] }
}

/** As much of a schema as has names. */
export interface JsonSchema {
  properties?: Record<string, JsonSchema>
  items?: JsonSchema
  additionalProperties?: JsonSchema | boolean
}

export interface LabelSelector {
  matchLabels?: Record<string, string>
  matchExpressions?: { key: string; operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist'; values?: string[] }[]
}

export interface PolicyPeer {
  namespaceSelector?: LabelSelector
  podSelector?: LabelSelector
  ipBlock?: { cidr: string }
}

export interface NetworkPolicy extends KubeObject {
  kind: 'NetworkPolicy'
  spec: {
    podSelector?: LabelSelector
    policyTypes?: ('Ingress' | 'Egress')[]
    ingress?: { from?: PolicyPeer[] }[]
    egress?: { to?: PolicyPeer[] }[]
  }
}

const kindOf = <T extends KubeObject>(group: string, version: string, names: [kind: T['kind'], plural: string]) =>
  ({ group, version, kind: names[0], plural: names[1], namespaced: true, hasStatus: true }) satisfies Kind<T>

export const DEPLOYMENTS: Kind<Deployment> = kindOf('apps', 'v1', ['Deployment', 'deployments'])
export const NETWORK_POLICIES: Kind<NetworkPolicy> = kindOf('networking.k8s.io', 'v1', [
  'NetworkPolicy',
  'networkpolicies',
])
export const CUSTOM_RESOURCE_DEFINITIONS: Kind<CustomResourceDefinition> = {
  ...kindOf('apiextensions.k8s.io', 'v1', ['CustomResourceDefinition', 'customresourcedefinitions']),
  namespaced: false,
}
