/** Asks the pods of the platform how they are, through forwarded ports: no NetworkPolicy stands between. */
import { openPortForward } from '../../kube/client-node/port-forward.ts'
import type { RawApi } from '../../kube/client-node/raw-api.ts'
import { COMPONENT_LABEL } from '../cluster/installation.ts'
import type { PlatformPod } from '../cluster/platform-kinds.ts'
import type { PodWord } from './observation.ts'

const PATIENCE_MS = 5_000
const PARTS = ['controller', 'gateway', 'dispatcher']

/** Those that answer; of one that does not, its status tells enough. */
export async function askPods(api: RawApi, pods: readonly PlatformPod[]): Promise<PodWord[]> {
  const answers = await Promise.allSettled(pods.filter(isAsked).map((pod) => askPod(api, pod)))
  return answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []))
}

function isAsked({ metadata, status }: PlatformPod): boolean {
  const isRunning = status?.containerStatuses?.some(({ state }) => state?.running !== undefined) === true
  return isRunning && PARTS.includes(metadata.labels?.[COMPONENT_LABEL] ?? '')
}

async function askPod(api: RawApi, { metadata, spec }: PlatformPod): Promise<PodWord> {
  const ports = spec.containers.flatMap((container) => container.ports ?? [])
  const port = ports.find(({ name }) => name === 'management')?.containerPort ?? 9090
  const forward = await openPortForward(api, { namespace: metadata.namespace ?? '', pod: metadata.name, port })
  try {
    const response = await fetch(`${forward.url}/readyz`, { signal: AbortSignal.timeout(PATIENCE_MS) })
    const text = (await response.text()).trim()
    return { pod: metadata.name, component: metadata.labels?.[COMPONENT_LABEL] ?? '', ready: response.ok, text }
  } finally {
    await forward.close()
  }
}
