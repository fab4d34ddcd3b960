/**
 * A pod of the platform, reached through a forwarded port: byte for byte what the pod says, and past every NetworkPolicy, for the kubelet opens
 * the connection inside the pod. Why not the API server's proxy of Services: ADR 0034.
 */
import type { Cluster } from '../../kube/cluster.ts'
import { openPortForward, type PortForward } from '../../kube/client-node/port-forward.ts'
import type { RawApi } from '../../kube/client-node/raw-api.ts'
import { CliError } from '../cli-error.ts'
import { patientFetch } from '../client/patient-fetch.ts'
import type { Door } from '../client/door.ts'
import { EXIT } from '../exit-codes.ts'
import type { ServicePlace } from './installation.ts'
import { PLATFORM_PODS, type PlatformPod } from './platform-kinds.ts'

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

/** fetch says only that it failed; why is in the cause. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error.cause instanceof Error) return reasonOf(error.cause)
  if (error instanceof AggregateError && error.message === '') return error.errors.map(reasonOf).join(', ')
  return error.message
}

async function choosePod({ cluster, place }: ForwardedDoorOptions): Promise<{ pod: string; port: number }> {
  const { namespace, service, selector } = place
  const pods = await cluster.list(PLATFORM_PODS, { namespace, labels: selector })
  for (const pod of pods.filter(isReady)) {
    const port = portOf(place, pod)
    if (port !== undefined) return { pod: pod.metadata.name, port }
  }
  const state = pods.length === 0 ? 'it has none' : `none of its ${pods.length} is ready`
  throw new CliError(
    EXIT.unreachable,
    `no pod of Service ${namespace}/${service} can answer: ${state}; see \`dormouse doctor\``,
  )
}

export function isReady({ metadata, status }: PlatformPod): boolean {
  const ready = status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True')
  return ready === true && metadata.deletionTimestamp === undefined
}

function portOf({ port }: ServicePlace, pod: PlatformPod): number | undefined {
  if (typeof port === 'number') return port
  const ports = pod.spec.containers.flatMap((container) => container.ports ?? [])
  return ports.find(({ name }) => name === port)?.containerPort
}
