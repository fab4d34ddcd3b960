/**
 * The node agent of local mode: runs every Pod of the cluster as a child process, as scheduler and kubelet would run it in a container.
 * Promises: a pod's status tells what its process does; a deleted pod gets SIGTERM, its grace, then SIGKILL; after stop() no process is left.
 * A container is never restarted (as with restartPolicy Never): its end is the pod's end, the pod's owner decides what follows.
 */
import type { KubeObject } from '../../api/object.ts'
import { ANNOTATION } from '../../api/names.ts'
import type { Cache, Cluster } from '../../kube/cluster.ts'
import { isNotFound } from '../../kube/errors.ts'
import { PODS, type Pod } from '../../kube/objects.ts'
import type { Logger } from '../../lib/logger.ts'
import type { LogBook, PodLog } from '../logs/log-book.ts'
import { podFunction, podRuntime } from '../logs/pod-source.ts'
import type { PodSecrets } from '../pod-secrets.ts'
import type { Guardian } from './guardian.ts'
import { imageCommand, type ImageTable } from './images.ts'
import { hostVariables, podEnvironment, POD_IP, type Environment } from './pod-environment.ts'
import { openPodSockets, type PodSockets } from './pod-sockets.ts'
import type { PodPorts } from './pod-ports.ts'
import { startPodProcess, type PodProcess } from './pod-process.ts'
import { failedToStart, runningStatus, terminatedStatus } from './pod-status.ts'
import { errorText } from '../../lib/error-text.ts'

const NODE_NAME = 'local'
const DEFAULT_GRACE_SECONDS = 30

export interface KubeletOptions {
  cluster: Cluster
  images: ImageTable
  logs: LogBook
  guardian: Guardian
  /** Parent of the pods' own directories; see pod-process.ts. */
  podsDirectory: string
  /** The environment of this process; only what pods may see of it is handed on. */
  hostEnvironment: Environment
  secrets: PodSecrets
  logger: Logger
}

interface LocalPod {
  pod: Pod
  log: PodLog
  process: PodProcess | undefined
  terminating: boolean
}

export class Kubelet {
  readonly #options: KubeletOptions
  readonly #hostVariables: Environment
  readonly #pods = new Map<string, LocalPod>()
  #cache: Cache<Pod> | undefined
  #unsubscribe: () => void = () => undefined
  #stopped = false

  constructor(options: KubeletOptions) {
    this.#options = options
    this.#hostVariables = hostVariables(options.hostEnvironment)
  }

  /** Pods that have a process now. */
  get running(): number {
    return [...this.#pods.values()].filter((local) => local.process !== undefined).length
  }

  /** Process id of a pod that runs; it is the id of its process group too. For fault tests and operators. */
  pidOf(podUid: string): number | undefined {
    return this.#pods.get(podUid)?.process?.pid
  }

  async start(): Promise<void> {
    this.#cache = this.#options.cluster.cache(PODS)
    await this.#cache.synced
    this.#unsubscribe = this.#cache.subscribe({
      added: (pod) => void this.#run(pod),
      updated: (pod) => this.#changed(pod),
      deleted: (pod) => this.#removed(pod),
    })
  }

  /** Ends all pods: SIGTERM to all at once, SIGKILL after `graceMs`. Later pods are not started. */
  async stop(graceMs: number): Promise<void> {
    this.#stopped = true
    this.#unsubscribe()
    this.#cache?.stop()
    const processes = [...this.#pods.values()].flatMap((local) => local.process ?? [])
    processes.forEach((process) => process.terminate(graceMs))
    await Promise.all(processes.map((process) => process.exited))
  }

  async #run(pod: Pod): Promise<void> {
    if (this.#stopped) return
    const { logs, logger } = this.#options
    const log = logs.open({ pod: pod.metadata.name, runtime: podRuntime(pod), function: podFunction(pod) })
    const local: LocalPod = { pod, log, process: undefined, terminating: false }
    this.#pods.set(pod.metadata.uid, local)
    const sockets = await openPodSockets(POD_IP).catch(() => undefined)
    if (this.#isOver(local)) return sockets?.release()
    try {
      local.process = this.#spawn(local, sockets)
    } catch (error) {
      const message = errorText(error)
      logger.error('pod cannot be started', { pod: pod.metadata.name, error: message })
      void this.#write(pod, () => this.#options.cluster.patchStatus(PODS, refOf(pod), failedToStart(pod, message)))
      return
    } finally {
      sockets?.release()
    }
    const annotations = sockets && portsAnnotation(sockets.ports)
    const bound = { spec: { nodeName: NODE_NAME }, ...(annotations && { metadata: { annotations } }) }
    void this.#write(pod, () => this.#options.cluster.patch(PODS, refOf(pod), bound))
    if (pod.metadata.deletionTimestamp !== undefined) this.#terminate(local)
  }

  /** It was deleted, or we stopped, before it had a process. */
  #isOver({ pod, terminating }: LocalPod): boolean {
    return this.#stopped || terminating || !this.#pods.has(pod.metadata.uid)
  }

  #spawn(local: LocalPod, sockets: PodSockets | undefined): PodProcess {
    const { pod, log } = local
    const container = pod.spec.containers[0]
    if (container === undefined) throw new Error(`pod ${pod.metadata.name} has no container`)
    const { serviceAccountName } = pod.spec
    if (serviceAccountName !== undefined)
      throw new Error(`serviceAccountName ${serviceAccountName}: local mode has no service accounts; leave it out`)
    const process = startPodProcess({
      command: container.command ?? imageCommand(this.#options.images, container.image),
      environment: { ...this.#hostVariables, ...podEnvironment(pod, container) },
      directory: `${this.#options.podsDirectory}/${pod.metadata.uid}`,
      guardian: this.#options.guardian,
      sockets,
      secret: this.#options.secrets.create(pod.metadata.uid),
      output: (stream, chunk) => log.write(stream, chunk),
      ready: (ports) => void this.#ready(local, ports),
    })
    void process.exited.then((exit) => this.#exited(local, exit))
    return process
  }

  async #ready({ pod }: LocalPod, ports: PodPorts): Promise<void> {
    const { cluster } = this.#options
    // No write where the pod was given its sockets: the annotation is there already.
    const annotations = portsAnnotation(ports)
    await this.#write(pod, () => cluster.patch(PODS, refOf(pod), { metadata: { annotations } }))
    await this.#write(pod, () => cluster.patchStatus(PODS, refOf(pod), runningStatus(pod, POD_IP)))
  }

  #changed(pod: Pod): void {
    const local = this.#pods.get(pod.metadata.uid)
    if (local === undefined) return
    local.pod = pod
    const owner = podFunction(pod)
    if (owner !== undefined) local.log.claim(owner)
    if (pod.metadata.deletionTimestamp !== undefined) this.#terminate(local)
  }

  #terminate(local: LocalPod): void {
    if (local.terminating) return
    local.terminating = true
    const { metadata, spec } = local.pod
    const graceSeconds =
      metadata.deletionGracePeriodSeconds ?? spec.terminationGracePeriodSeconds ?? DEFAULT_GRACE_SECONDS
    if (local.process === undefined) void this.#confirmDeletion(local.pod)
    else local.process.terminate(graceSeconds * 1000)
  }

  /** The object is gone: nothing may outlive it. */
  #removed(pod: Pod): void {
    const local = this.#pods.get(pod.metadata.uid)
    if (local === undefined) return
    this.#pods.delete(pod.metadata.uid)
    if (local.process === undefined) local.log.close()
    else local.process.terminate(0)
  }

  async #exited(local: LocalPod, exit: Awaited<PodProcess['exited']>): Promise<void> {
    const lastWords = local.log.lastWords()
    local.log.close()
    local.process = undefined
    this.#options.secrets.forget(local.pod.metadata.uid)
    if (this.#stopped || !this.#pods.has(local.pod.metadata.uid)) return
    const { cluster } = this.#options
    await this.#write(local.pod, () =>
      cluster.patchStatus(PODS, refOf(local.pod), terminatedStatus(local.pod, exit, lastWords)),
    )
    if (local.terminating) await this.#confirmDeletion(local.pod)
  }

  /** What a kubelet does last: the API server removes the object only now. */
  async #confirmDeletion(pod: Pod): Promise<void> {
    const { cluster } = this.#options
    await this.#write(pod, () => cluster.delete(PODS, refOf(pod), { gracePeriodSeconds: 0, uid: pod.metadata.uid }))
  }

  async #write(pod: Pod, write: () => Promise<unknown>): Promise<void> {
    if (this.#stopped) return
    try {
      await write()
    } catch (error) {
      if (!isNotFound(error) && !this.#stopped)
        this.#options.logger.warn('pod status could not be written', { pod: pod.metadata.name, error })
    }
  }
}

function refOf({ metadata }: KubeObject): { namespace?: string; name: string } {
  const { namespace, name } = metadata
  return namespace === undefined ? { name } : { namespace, name }
}

function portsAnnotation(ports: PodPorts): Record<string, string> {
  return { [ANNOTATION.ports]: JSON.stringify({ control: ports.control, data: ports.data }) }
}
