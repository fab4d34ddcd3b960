/** The built-in kinds we use, reduced to the fields we read or write. */
import type { Condition, KubeObject } from '../api/object.ts'
import type { Kind } from './cluster.ts'

export interface EnvVar {
  name: string
  value?: string
  valueFrom?: { fieldRef?: { fieldPath: string }; secretKeyRef?: KeySelector; configMapKeyRef?: KeySelector }
}

/** A key of a Secret or ConfigMap. */
export interface KeySelector {
  name: string
  key: string
  optional?: boolean
}

export interface Container {
  name: string
  image: string
  command?: string[]
  env?: EnvVar[]
  ports?: { name: string; containerPort: number }[]
  resources?: { limits?: Record<string, string>; requests?: Record<string, string> }
  securityContext?: Record<string, unknown>
  volumeMounts?: { name: string; mountPath: string }[]
  startupProbe?: Record<string, unknown>
  lifecycle?: Record<string, unknown>
}

export interface ContainerStatus {
  name: string
  ready: boolean
  restartCount: number
  state?: {
    waiting?: { reason?: string; message?: string }
    terminated?: { exitCode: number; signal?: number; reason?: string; message?: string }
  }
}

export interface Pod extends KubeObject {
  kind: 'Pod'
  spec: {
    containers: Container[]
    initContainers?: Pick<Container, 'name' | 'image'>[]
    nodeName?: string
    restartPolicy?: 'Always' | 'OnFailure' | 'Never'
    terminationGracePeriodSeconds?: number
    serviceAccountName?: string
    automountServiceAccountToken?: boolean
    enableServiceLinks?: boolean
    shareProcessNamespace?: boolean
    securityContext?: Record<string, unknown>
    volumes?: Record<string, unknown>[]
    topologySpreadConstraints?: Record<string, unknown>[]
    nodeSelector?: Record<string, string> | undefined
    tolerations?: Record<string, unknown>[] | undefined
  }
  status?: {
    phase?: 'Pending' | 'Running' | 'Succeeded' | 'Failed'
    podIP?: string
    reason?: string
    message?: string
    conditions?: (Pick<Condition, 'type' | 'status'> & Partial<Pick<Condition, 'reason' | 'message'>>)[]
    containerStatuses?: ContainerStatus[]
    initContainerStatuses?: ContainerStatus[]
  }
}

export interface Secret extends KubeObject {
  kind: 'Secret'
  /** Values are base64. */
  data?: Record<string, string>
}

export interface ConfigMap extends KubeObject {
  kind: 'ConfigMap'
  data?: Record<string, string>
  /** Base64. */
  binaryData?: Record<string, string>
}

export interface Service extends KubeObject {
  kind: 'Service'
  spec: {
    type?: 'ClusterIP' | 'ExternalName'
    /** Of an ExternalName: a DNS name, not an address. */
    externalName?: string
    clusterIP?: string
    selector?: Record<string, string>
    ports?: { name?: string; port: number; targetPort?: number | string; protocol?: 'TCP' | 'UDP' }[]
  }
}

/** Times have microseconds here, unlike everywhere else: kube/micro-time.ts. */
export interface Lease extends KubeObject {
  kind: 'Lease'
  spec?: {
    /** Empty: released. */
    holderIdentity?: string
    leaseDurationSeconds?: number
    acquireTime?: string
    renewTime?: string
    leaseTransitions?: number
  }
}

export interface ControllerRevision extends KubeObject {
  kind: 'ControllerRevision'
  /** Immutable once created. */
  data: Record<string, unknown>
  revision: number
}

export interface ClusterEvent extends KubeObject {
  kind: 'Event'
  involvedObject: { apiVersion: string; kind: string; namespace?: string; name: string; uid: string }
  type: 'Normal' | 'Warning'
  reason: string
  message: string
  count: number
  firstTimestamp: string
  lastTimestamp: string
  source: { component: string }
}

export const PODS: Kind<Pod> = {
  group: '',
  version: 'v1',
  kind: 'Pod',
  plural: 'pods',
  namespaced: true,
  hasStatus: true,
}
export const SECRETS: Kind<Secret> = {
  group: '',
  version: 'v1',
  kind: 'Secret',
  plural: 'secrets',
  namespaced: true,
  hasStatus: false,
}
export const EVENTS: Kind<ClusterEvent> = {
  group: '',
  version: 'v1',
  kind: 'Event',
  plural: 'events',
  namespaced: true,
  hasStatus: false,
}
export const CONTROLLER_REVISIONS: Kind<ControllerRevision> = {
  group: 'apps',
  version: 'v1',
  kind: 'ControllerRevision',
  plural: 'controllerrevisions',
  namespaced: true,
  hasStatus: false,
}
export const CONFIG_MAPS: Kind<ConfigMap> = {
  group: '',
  version: 'v1',
  kind: 'ConfigMap',
  plural: 'configmaps',
  namespaced: true,
  hasStatus: false,
}
/** That they are there and changed, without what is in them. */
export const CONFIG_MAP_METADATA: Kind<KubeObject> = { ...CONFIG_MAPS, metadataOnly: true }
export const SERVICES: Kind<Service> = {
  group: '',
  version: 'v1',
  kind: 'Service',
  plural: 'services',
  namespaced: true,
  hasStatus: true,
}
export const LEASES: Kind<Lease> = {
  group: 'coordination.k8s.io',
  version: 'v1',
  kind: 'Lease',
  plural: 'leases',
  namespaced: true,
  hasStatus: false,
}
