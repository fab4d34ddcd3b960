/** A pod of a Service, reached through a forwarded port: byte for byte what the pod says. */
import type { Cluster } from '../../kube/cluster.ts'
import { openPortForward, type PortForward } from '../../kube/client-node/port-forward.ts'
import type { RawApi } from '../../kube/client-node/raw-api.ts'
import { CliError } from '../cli-error.ts'
import { patientFetch } from '../client/patient-fetch.ts'
import type { Door } from '../client/door.ts'
import { EXIT } from '../exit-codes.ts'
import type { ServicePlace } from './installation.ts'
import { PLATFORM_PODS, PLATFORM_SERVICES, type PlatformPod, type PlatformService } from './platform-kinds.ts'
import { reasonOf } from './service-door.ts'

export interface ForwardedDoorOptions {
  api: RawApi
  cluster: Cluster
  place: ServicePlace
}

export interface ForwardedDoor extends Door {
  close(): Promise<void>
}

/** Throws ClusterError, CliError (unreachable) when no pod is ready. */
export async function openForwardedDoor(options: ForwardedDoorOptions): Promise<ForwardedDoor> {
  const { api, place } = options
  const { pod, port } = await choosePod(options)
  const forward = await openPortForward(api, { namespace: place.namespace, pod, port })
  return {
    send: (path, { patient: _, ...init } = {}) => patientFetch(`${forward.url}${path}`, init),
    unreachable: (cause) => unreachable(forward, pod, cause),
    close: () => forward.close(),
  }
}

function unreachable({ failure }: PortForward, pod: string, cause: unknown): CliError {
  return new CliError(EXIT.unreachable, `pod ${pod} does not answer: ${failure ?? reasonOf(cause)}`, { cause })
}

async function choosePod({ cluster, place }: ForwardedDoorOptions): Promise<{ pod: string; port: number }> {
  const { namespace, service: name } = place
  const service = await cluster.get(PLATFORM_SERVICES, { namespace, name })
  if (service?.spec.selector === undefined)
    throw new CliError(EXIT.unreachable, `there is no Service ${namespace}/${name} with pods`)
  const pods = await cluster.list(PLATFORM_PODS, { namespace, labels: service.spec.selector })
  const pod = pods.find(isReady)
  const port = pod && portOf(service, place, pod)
  if (port !== undefined) return { pod: pod?.metadata.name ?? '', port }
  const state = pods.length === 0 ? 'it has none' : `none of its ${pods.length} is ready`
  throw new CliError(
    EXIT.unreachable,
    `no pod of Service ${namespace}/${name} can answer: ${state}; see \`dormouse doctor\``,
  )
}

function isReady({ metadata, status }: PlatformPod): boolean {
  const ready = status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True')
  return ready === true && metadata.deletionTimestamp === undefined
}

function portOf({ spec }: PlatformService, { port }: ServicePlace, pod: PlatformPod): number | undefined {
  const found = spec.ports?.find(({ name, port: number }) => name === port || String(number) === port)
  const target = found?.targetPort ?? found?.port
  if (typeof target !== 'string') return target
  const ports = pod.spec.containers.flatMap((container) => container.ports ?? [])
  return ports.find(({ name }) => name === target)?.containerPort
}
