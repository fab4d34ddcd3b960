/** The built-in kinds an installation is made of, reduced to the fields we read. */
import type { KubeObject } from '../../api/object.ts'
import type { Kind } from '../../kube/cluster.ts'
import { PODS, type Pod } from '../../kube/objects.ts'

export interface ServicePort {
  name?: string
  port: number
  targetPort?: number | string
}

export interface PlatformService extends KubeObject {
  kind: 'Service'
  spec: {
    type?: string
    clusterIP?: string
    externalName?: string
    selector?: Record<string, string>
    ports?: ServicePort[]
  }
}

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

export const PLATFORM_SERVICES: Kind<PlatformService> = {
  group: '',
  version: 'v1',
  kind: 'Service',
  plural: 'services',
  namespaced: true,
  hasStatus: true,
}
