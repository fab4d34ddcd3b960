/** Runs the pods of a memory cluster as FakeRuntimes, with a kubelet's habits: status late, deletion confirmed, nothing restarted. */
import { ANNOTATION } from '../../api/names.ts'
import type { Cluster } from '../../kube/cluster.ts'
import { isNotFound } from '../../kube/errors.ts'
import { PODS, type Pod } from '../../kube/objects.ts'
import { FakeRuntime } from './fake-runtime.ts'

export interface PodBehaviour {
  /** The process takes this long to listen. */
  bootMs?: number
  /** It listens no earlier than this settles. */
  boots?: Promise<void>
  /** No node takes it. */
  neverBoots?: boolean
  /** It ends with this exit code instead of listening. */
  diesAtBoot?: number
  /** It does not call home: only the API tells that it is up. */
  silent?: boolean
  /** The kubelet does not notice that it is ready. */
  neverReady?: boolean
  /** The address the kubelet reports; the pod itself believes that of the kubelet. */
  reportedIP?: string
}

export interface FakePod {
  pod: Pod
  runtime: FakeRuntime
  ended: boolean
}

const ref = ({ metadata }: Pod) => ({ namespace: metadata.namespace ?? '', name: metadata.name })

export class FakeKubelet {
  readonly #cluster: Cluster
  readonly #address: string
  readonly #stops: (() => void)[] = []
  /** By name, in the order they came. */
  readonly pods = new Map<string, FakePod>()
  /** What pods to come do. */
  behaviour: PodBehaviour = {}
  /** Pods started so far, ended ones included. */
  started = 0

  /** `address`: of all pods. */
  constructor(cluster: Cluster, address = '127.0.0.1') {
    this.#cluster = cluster
    this.#address = address
  }

  async start(): Promise<void> {
    const cache = this.#cluster.cache(PODS)
    await cache.synced
    const unsubscribe = cache.subscribe({
      added: (pod) => void this.#run(pod),
      updated: (pod) => this.#updated(pod),
      deleted: (pod) => void this.#remove(pod),
    })
    this.#stops.push(unsubscribe, () => cache.stop())
  }

  async stop(): Promise<void> {
    this.#stops.forEach((stop) => stop())
    const fakes = [...this.pods.values()]
    // One that still boots must not come up when nobody is left to end it.
    for (const fake of fakes) fake.ended = true
    await Promise.all(fakes.map(({ runtime }) => runtime.kill()))
  }

  running(): FakePod[] {
    return [...this.pods.values()].filter(({ ended }) => !ended)
  }

  /** As if its process ended: connections are cut, then the API hears of it. */
  async kill(name: string, exitCode = 137): Promise<void> {
    const fake = this.pods.get(name)
    if (!fake) throw new Error(`no pod ${name}`)
    await fake.runtime.kill()
    await this.#ended(fake, exitCode)
  }

  async #run(pod: Pod): Promise<void> {
    const behaviour = this.behaviour
    const runtime = new FakeRuntime({
      env: environment(pod, this.#address),
      exited: (code) => void this.#ended(fake, code),
    })
    const fake: FakePod = { pod, runtime, ended: false }
    this.pods.set(pod.metadata.name, fake)
    this.started += 1
    await this.#write(() => this.#cluster.patch(PODS, ref(pod), { spec: { nodeName: 'fake' } }))
    if (behaviour.neverBoots === true) return
    if (behaviour.bootMs) await new Promise((resolve) => setTimeout(resolve, behaviour.bootMs))
    await behaviour.boots
    if (fake.ended) return
    if (behaviour.diesAtBoot !== undefined) return this.#ended(fake, behaviour.diesAtBoot)
    const ports = await runtime.start()
    const home = behaviour.silent ? Promise.resolve(0) : runtime.callHome().catch(() => 0)
    await home
    if (!behaviour.neverReady) await this.#report(fake, ports, behaviour.reportedIP ?? this.#address)
  }

  async #report({ pod }: FakePod, ports: { control: number; data: number }, podIP: string): Promise<void> {
    const annotations = { [ANNOTATION.ports]: JSON.stringify(ports) }
    await this.#write(() => this.#cluster.patch(PODS, ref(pod), { metadata: { annotations } }))
    const status = { phase: 'Running', podIP, conditions: [{ type: 'Ready', status: 'True' }] }
    await this.#write(() => this.#cluster.patchStatus(PODS, ref(pod), status))
  }

  async #ended(fake: FakePod, exitCode: number): Promise<void> {
    if (fake.ended) return
    fake.ended = true
    const state = { terminated: { exitCode, reason: 'Error' } }
    const containerStatuses = [{ name: 'runtime', ready: false, restartCount: 0, state }]
    await this.#write(() =>
      this.#cluster.patchStatus(PODS, ref(fake.pod), {
        phase: 'Failed',
        conditions: [{ type: 'Ready', status: 'False' }],
        containerStatuses,
      }),
    )
  }

  #updated(pod: Pod): void {
    const fake = this.pods.get(pod.metadata.name)
    if (fake) fake.pod = pod
    if (pod.metadata.deletionTimestamp !== undefined) void this.#terminate(pod)
  }

  async #terminate(pod: Pod): Promise<void> {
    await this.#remove(pod)
    await this.#write(() => this.#cluster.delete(PODS, ref(pod), { gracePeriodSeconds: 0, uid: pod.metadata.uid }))
  }

  async #remove(pod: Pod): Promise<void> {
    const fake = this.pods.get(pod.metadata.name)
    if (!fake || fake.pod.metadata.uid !== pod.metadata.uid) return
    fake.ended = true
    await fake.runtime.kill()
  }

  async #write(write: () => Promise<unknown>): Promise<void> {
    try {
      await write()
    } catch (error) {
      if (!isNotFound(error)) throw error
    }
  }
}

function environment(pod: Pod, address: string): Record<string, string> {
  const fields: Record<string, string> = {
    'metadata.name': pod.metadata.name,
    'metadata.namespace': pod.metadata.namespace ?? '',
    'metadata.uid': pod.metadata.uid,
    'status.podIP': address,
  }
  const variables = pod.spec.containers[0]?.env ?? []
  return Object.fromEntries(
    variables.map(({ name, value, valueFrom }) => [name, value ?? fields[valueFrom?.fieldRef?.fieldPath ?? ''] ?? '']),
  )
}
