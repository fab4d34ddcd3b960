/** Asks the pods of the platform how they are, through forwarded ports: no NetworkPolicy stands between. */
import type { EventLogInfo } from '../../api/events-api.ts'
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
  const component = metadata.labels?.[COMPONENT_LABEL] ?? ''
  const forward = await openPortForward(api, { namespace: metadata.namespace ?? '', pod: metadata.name, port })
  try {
    const response = await ask(`${forward.url}/readyz`)
    const word = { pod: metadata.name, component, ready: response.ok, text: (await response.text()).trim() }
    if (component !== 'dispatcher' || !word.ready) return word
    const withoutKafka = await kafkaTrouble(forward.url)
    return withoutKafka === undefined ? word : { ...word, withoutKafka }
  } finally {
    await forward.close()
  }
}

const ask = (url: string) => fetch(url, { signal: AbortSignal.timeout(PATIENCE_MS) })

/** Undefined, too, of one that cannot say: an older one. */
async function kafkaTrouble(url: string): Promise<string | undefined> {
  try {
    const response = await ask(`${url}/api/v1/event-log`)
    const info = (await response.json()) as Partial<EventLogInfo>
    return response.ok && info.reachable === false ? info.message : undefined
  } catch {
    return undefined
  }
}
