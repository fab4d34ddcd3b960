/** The assembled platform as fault tests need it: both public faces with every detail of an answer, and a hand on the pods' processes. */
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import type { ClusterEvent, Pod } from '../../../kube/objects.ts'
import { eventually } from '../../builders/eventually.ts'
import { isAlive } from '../../builders/kubelet-bed.ts'
import { startPlatform, type PlatformOptions, type TestPlatform } from '../../builders/local-platform.ts'
import { exchange, type Answer, type CallOptions } from '../../builders/runtime-process.ts'

export interface FaultBed extends TestPlatform {
  publicPort: number
  internalPort: number
  /** `POST {}` to a function of namespace default on the internal listener, unless `options` say otherwise. */
  call(name: string, options?: CallOptions): Promise<Answer>
  /** On the public listener. */
  visit(path: string, options?: CallOptions): Promise<Answer>
  events(name: string): Promise<ClusterEvent[]>
  pidOf(pod: Pod): number
  /** SIGKILL, as the kernel or a node that goes away would. */
  kill(pod: Pod): void
  /** The pod of a function that has exactly one. */
  onlyPod(name: string): Promise<Pod>
}

/** Its stop() fails when a process of a pod outlives the platform. */
export async function startFaultBed(options: PlatformOptions = {}): Promise<FaultBed> {
  const platform = await startPlatform(options)
  const pids = new Set<number>()
  const pidOf = (pod: Pod) => {
    const pid = platform.local.kubelet.pidOf(pod.metadata.uid)
    if (pid === undefined) throw new Error(`pod ${pod.metadata.name} has no process`)
    return pid
  }
  const publicPort = portOf(platform.publicUrl)
  const internalPort = portOf(platform.internalUrl)
  return {
    ...platform,
    publicPort,
    internalPort,
    pidOf,
    call: (name, { path = '', ...rest } = {}) => {
      const json = { 'content-type': 'application/json', ...rest.headers }
      return exchange(internalPort, { method: 'POST', ...rest, headers: json, path: `/fn/default/${name}${path}` })
    },
    visit: (path, rest = {}) => exchange(publicPort, { ...rest, path }),
    events: (name) => platform.client.events({ namespace: 'default', kind: 'Function', name }),
    kill: (pod) => process.kill(pidOf(pod), 'SIGKILL'),
    onlyPod: (name) =>
      eventually(`one pod of ${name}`, async () => {
        const pods = await platform.pods(name)
        return pods.length === 1 ? pods[0] : undefined
      }),
    async stop() {
      for (const pod of (await platform.client.list({ plural: 'pods' })) as Pod[]) {
        const pid = platform.local.kubelet.pidOf(pod.metadata.uid)
        if (pid !== undefined) pids.add(pid)
      }
      await platform.stop()
      const left = [...pids].filter(isAlive)
      if (left.length > 0) throw new Error(`processes ${left.join(', ')} outlived the platform`)
    },
  }
}

/** Pool pods that are up: generic and with known ports. */
export async function waitingPods(bed: FaultBed, count: number): Promise<Pod[]> {
  return eventually(`${count} pods wait in the pool`, async () => {
    const waiting = (await bed.pods()).filter(({ metadata, status }) => {
      return metadata.deletionTimestamp === undefined && status?.phase === 'Running'
    })
    return waiting.length >= count && waiting
  })
}

/** Control and data port of a pod, as the cluster tells them. */
export function portsOf({ metadata }: Pod): { control: number; data: number } {
  return JSON.parse(metadata.annotations?.['dormouse.dev/ports'] ?? '') as { control: number; data: number }
}

/** The first of them that loads a function's code right now. */
export async function specializing(pods: readonly Pod[]): Promise<Pod | undefined> {
  for (const pod of pods) {
    const health = await exchange(portsOf(pod).control, { path: '/healthz' })
    if (json(health)['state'] === 'specializing') return pod
  }
  return undefined
}

export function json(answer: Answer): Record<string, unknown> {
  return JSON.parse(answer.text) as Record<string, unknown>
}

export interface Load {
  /** Answers other than 200, and calls that got none; the first few. */
  readonly failures: string[]
  readonly served: number
  /** Settles when the calls under way have ended. */
  end(): Promise<void>
}

/** A load that fails fails often. */
const MOST_TOLD = 5

/** `workers` calls at a time, each after the other, until `end()`. */
export function startLoad(call: () => Promise<Answer>, workers: number): Load {
  const failures: string[] = []
  let served = 0
  let ended = false
  const failed = (what: string) => failures.length < MOST_TOLD && failures.push(what)
  const work = async () => {
    while (!ended) {
      try {
        const { status, text } = await call()
        if (status === 200) served++
        else failed(`${status} ${text}`)
      } catch (error) {
        failed(String(error))
      }
    }
  }
  const running = Array.from({ length: workers }, work)
  return {
    failures,
    get served() {
      return served
    },
    async end() {
      ended = true
      await Promise.all(running)
    },
  }
}

/** A way to `targetPort` that can be cut and mended; cut, it neither passes bytes nor takes connections. */
export async function startCuttableWay(): Promise<{
  via(url: string): Promise<string>
  cut(): void
  mend(): void
  stop(): Promise<void>
}> {
  const open = new Set<Socket>()
  let target = 0
  let isCut = false
  const server = createServer((near) => {
    if (isCut) return void near.destroy()
    const far = connect(target, '127.0.0.1')
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(from)
      from.pipe(to)
      from.on('error', () => to.destroy())
      from.on('close', () => (open.delete(from), to.destroy()))
    }
  })
  const destroyAll = () => open.forEach((socket) => socket.destroy())
  return {
    async via(url) {
      target = portOf(url)
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      return `http://127.0.0.1:${(server.address() as { port: number }).port}`
    },
    cut() {
      isCut = true
      destroyAll()
    },
    mend() {
      isCut = false
    },
    async stop() {
      destroyAll()
      server.close()
      await once(server, 'close')
    },
  }
}

function portOf(url: string): number {
  return Number(new URL(url).port)
}
