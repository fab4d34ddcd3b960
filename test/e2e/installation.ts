/** The parts of the installation as faults and operators know them. */
import type { KubeObject } from '../../api/object.ts'
import type { Pod } from '../../kube/objects.ts'
import { run } from '../../scripts/e2e/run.ts'
import { eventually } from '../builders/eventually.ts'
import { e2e } from './environment.ts'
import { kubectl, kubectlJson } from './kubectl.ts'

export type Part = 'controller' | 'gateway' | 'dispatcher'

const CLUSTER = new URL('../cluster/cluster.sh', import.meta.url).pathname
const BACK_MS = 180_000
const UP_LIMIT_MS = 240_000

const own = (...args: string[]): string[] => ['--namespace', e2e().namespace, ...args]
const nameOf = (part: Part): string => `${e2e().release}-${part}`

/** Without those that are on their way out. */
export async function partPods(part: Part): Promise<Pod[]> {
  const selector = `app.kubernetes.io/component=${part},app.kubernetes.io/instance=${e2e().release}`
  const { items } = await kubectlJson<{ items: Pod[] }>(own('get', 'pods', '--selector', selector))
  return items.filter(({ metadata }) => metadata.deletionTimestamp === undefined)
}

/** Without a chance to say goodbye. */
export async function killPods(pods: readonly Pod[]): Promise<void> {
  const names = pods.map(({ metadata }) => metadata.name)
  await kubectl(own('delete', 'pod', ...names, '--grace-period=0', '--force'))
}

/** Name of the pod that holds the Lease. */
export async function leader(): Promise<string> {
  const path = 'jsonpath={.spec.holderIdentity}'
  const holder = await kubectl(own('get', 'lease', nameOf('controller'), '-o', path))
  // The identity may be longer than the name of the pod.
  const pods = await partPods('controller')
  return pods.map(({ metadata }) => metadata.name).find((name) => holder.startsWith(name)) ?? holder
}

export async function scalePart(part: Part, replicas: number): Promise<void> {
  await kubectl(own('scale', 'deployment', nameOf(part), `--replicas=${replicas}`))
  if (replicas > 0) return rolledOut(part)
  const gone = async () => (await kubectlJson<{ items: KubeObject[] }>(own('get', 'pods'))).items
  await eventually(
    `no pod of ${part} is left`,
    async () => (await gone()).every(({ metadata }) => !metadata.name.startsWith(nameOf(part))),
    { withinMs: BACK_MS, everyMs: 500 },
  )
}

/** Pods replaced one after the other, as an upgrade does. */
export async function restartPart(part: Part): Promise<void> {
  await kubectl(own('rollout', 'restart', 'deployment', nameOf(part)))
  await rolledOut(part)
}

export async function rolledOut(part: Part): Promise<void> {
  const args = own('rollout', 'status', 'deployment', nameOf(part), `--timeout=${BACK_MS / 1000}s`)
  await kubectl(args, { timeoutMs: BACK_MS + 5_000 })
}

/** A part's management API, through the API server. */
export async function manage<T>(part: Part, path: string, body?: object): Promise<T> {
  const { namespace } = e2e()
  const raw = `/api/v1/namespaces/${namespace}/services/${nameOf(part)}-management:9090/proxy${path}`
  if (body === undefined) return JSON.parse(await kubectl(['get', '--raw', raw])) as T
  return JSON.parse(await kubectl(['create', '--raw', raw, '-f', '-'], { input: JSON.stringify(body) })) as T
}

const nodes = async (): Promise<string[]> => {
  const { items } = await kubectlJson<{ items: KubeObject[] }>(['get', 'nodes'])
  return items.map(({ metadata }) => metadata.name)
}

/** No node takes any pod from now on. */
export const cordon = async (): Promise<string> => kubectl(['cordon', ...(await nodes())])
export const uncordon = async (): Promise<string> => kubectl(['uncordon', ...(await nodes())])

/** SIGKILL of one of the cluster's own processes; for suites that need `local`. */
export async function fell(process: 'etcd' | 'kube-apiserver'): Promise<void> {
  const { code, stderr } = await run([CLUSTER, 'fell', process], { env: withoutKubeconfig() })
  if (code !== 0) throw new Error(stderr)
}

/** Whatever was felled is up again. */
export async function mend(): Promise<void> {
  const { code, stderr } = await run([CLUSTER, 'up'], { timeoutMs: UP_LIMIT_MS, env: withoutKubeconfig() })
  if (code !== 0) throw new Error(stderr)
}

const withoutKubeconfig = (): NodeJS.ProcessEnv => {
  const { KUBECONFIG: _, ...rest } = process.env
  return rest
}
