/**
 * What measurements on a real cluster share: one client of its API, a namespace that goes afterwards, Functions in it, waits for a quiet state, and calls
 * from this machine to the gateways' Service.
 */
import { randomBytes } from 'node:crypto'
import { cpus } from 'node:os'
import type { KubeObject } from '../../../api/object.ts'
import { API_VERSION, LABEL } from '../../../api/names.ts'
import { createClientNodeCluster, type ClientNodeCluster } from '../../../kube/client-node/client-node-cluster.ts'
import { loadClusterAccess } from '../../../kube/client-node/kube-config.ts'
import type { Kind } from '../../../kube/cluster.ts'
import { PODS, SERVICES, type Pod } from '../../../kube/objects.ts'
import { silentLogger } from '../../../lib/logger.ts'
import { NAMESPACE, RELEASE } from '../../../scripts/e2e/installation.ts'
import { call, type Answer } from '../../e2e/call.ts'
import type { Manifest } from '../../e2e/manifests.ts'
import { eventually } from '../../builders/eventually.ts'

interface WithConditions extends KubeObject {
  status?: { conditions?: { type: string; status: string }[] }
}

interface BenchRuntime extends KubeObject {
  kind: 'Runtime'
  spec: { image: string; pool: { size: number } }
}

const custom = <T extends KubeObject>(kind: string, plural: string, namespaced: boolean): Kind<T> => ({
  ...{ group: 'dormouse.dev', version: API_VERSION.split('/')[1] ?? '', kind, plural, namespaced },
  hasStatus: true,
})
export const FUNCTIONS = custom<WithConditions>('Function', 'functions', true)
const RUNTIMES = custom<BenchRuntime>('Runtime', 'runtimes', false)
const NAMESPACES: Kind<KubeObject> = {
  ...{ group: '', version: 'v1', kind: 'Namespace', plural: 'namespaces', namespaced: false, hasStatus: true },
}

export interface BenchCluster {
  readonly api: ClientNodeCluster
  readonly kubeconfig: string
  readonly namespace: string
  /** Base URL of the namespace's functions on the internal listener. */
  readonly functionsUrl: string
  runtimeImage(): Promise<string>
  /** Of the Runtime `node`. */
  setPool(size: number): Promise<void>
  /** Settles when all are Ready. */
  deploy(manifests: readonly Manifest[], withinMs?: number): Promise<void>
  /** Pods of the namespace, without those on their way out. */
  pods(labels?: Record<string, string>): Promise<Pod[]>
  /** No pod of any function is left, not even one that is ending, and `size` wait, and the machine is idle: the next wake has it for itself. */
  rested(size: number): Promise<void>
  call(name: string): Promise<Answer>
  close(): Promise<void>
}

const PATIENCE_MS = 120_000
const APPLIES_AT_ONCE = 8
const IDLE_SHARE = 0.2

/** A cluster with an installation of scripts/e2e. */
export async function openBenchCluster(kubeconfig: string, title: string): Promise<BenchCluster> {
  const access = await loadClusterAccess({ env: {}, kubeconfig })
  const api = createClientNodeCluster({ access, logger: silentLogger, component: 'dormouse-bench' })
  const namespace = `bench-${title}-${randomBytes(3).toString('hex')}`
  await api.create(NAMESPACES, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } })
  const functionsUrl = `${await serviceUrl(api, 'gateway-internal')}/fn/${namespace}`
  return {
    ...{ api, kubeconfig, namespace, functionsUrl, ...stateOf(api, namespace) },
    async runtimeImage() {
      const runtime = await api.get(RUNTIMES, { name: 'node' })
      if (runtime === undefined) throw new Error('expected the chart to have made the Runtime node')
      return runtime.spec.image
    },
    setPool: async (size) => void (await api.patch(RUNTIMES, { name: 'node' }, { spec: { pool: { size } } })),
    call: (name) => call(`${functionsUrl}/${name}`),
    async close() {
      await api.delete(NAMESPACES, { name: namespace })
      const gone = async () => (await api.get(NAMESPACES, { name: namespace })) === undefined
      await eventually(`${namespace} is gone`, gone, { withinMs: PATIENCE_MS, everyMs: 500 })
      await api.close()
    },
  }
}

function stateOf(api: ClientNodeCluster, namespace: string): Pick<BenchCluster, 'deploy' | 'pods' | 'rested'> {
  const all = (labels: Record<string, string> = {}) => api.list(PODS, { namespace, labels })
  return {
    async deploy(manifests, withinMs = PATIENCE_MS) {
      await applyAll(api, namespace, manifests)
      const names = new Set(manifests.map(({ metadata }) => metadata.name))
      const ready = async () => {
        const functions = await api.list(FUNCTIONS, { namespace })
        return functions.filter((fn) => names.has(fn.metadata.name) && isReady(fn)).length === names.size
      }
      // A list of many costs who answers it, and who is measured, a tenth of a second.
      const everyMs = names.size > 100 ? 2_000 : 250
      await eventually(`${names.size} Functions are Ready`, ready, { withinMs, everyMs })
    },
    pods: async (labels) => (await all(labels)).filter(({ metadata }) => metadata.deletionTimestamp === undefined),
    async rested(size) {
      const look = async () => {
        const pods = await all({ [LABEL.managedBy]: 'dormouse' })
        return (
          pods.length === size && pods.every((pod) => pod.metadata.labels?.[LABEL.state] === 'generic' && isReady(pod))
        )
      }
      await eventually(`only ${size} pods are left, all waiting`, look, { withinMs: PATIENCE_MS, everyMs: 250 })
      await idleMachine()
    },
  }
}

/** A kernel takes seconds of processor time to end cgroups and namespaces of pods that the API has forgotten. */
async function idleMachine(): Promise<void> {
  let before = busyShare()
  const look = () => {
    const share = busyShare(before)
    before = share
    return Promise.resolve(share.busy < IDLE_SHARE)
  }
  await eventually('the machine is idle', look, { withinMs: PATIENCE_MS, everyMs: 2_000 })
}

/** Of all processors, since `before`. */
function busyShare(before?: { idleMs: number; totalMs: number }): { idleMs: number; totalMs: number; busy: number } {
  const all = cpus().map(({ times }) => times)
  const idleMs = all.reduce((sum, { idle }) => sum + idle, 0)
  const totalMs = all.reduce((sum, { user, nice, sys, idle, irq }) => sum + user + nice + sys + idle + irq, 0)
  const idle = before === undefined ? 0 : (idleMs - before.idleMs) / Math.max(1, totalMs - before.totalMs)
  return { idleMs, totalMs, busy: 1 - idle }
}

export async function applyAll(
  api: ClientNodeCluster,
  namespace: string,
  manifests: readonly Manifest[],
): Promise<void> {
  const waiting = [...manifests]
  const work = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift())
      await api.apply(FUNCTIONS, { ...next, metadata: { ...next.metadata, namespace } })
  }
  await Promise.all(Array.from({ length: APPLIES_AT_ONCE }, work))
}

export async function serviceUrl(api: ClientNodeCluster, part: string): Promise<string> {
  const service = await api.get(SERVICES, { namespace: NAMESPACE, name: `${RELEASE}-${part}` })
  if (service?.spec.clusterIP === undefined) throw new Error(`expected a Service ${NAMESPACE}/${RELEASE}-${part}`)
  return `http://${service.spec.clusterIP}:${service.spec.ports?.[0]?.port}`
}

/** Of one part of the installation. */
export async function partPods(api: ClientNodeCluster, part: string): Promise<Pod[]> {
  const pods = await api.list(PODS, { namespace: NAMESPACE, labels: { 'app.kubernetes.io/component': part } })
  return pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined)
}

export function isReady({ status }: WithConditions): boolean {
  return status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') ?? false
}
