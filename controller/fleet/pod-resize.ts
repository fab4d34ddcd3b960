/**
 * Gives pods of pools the resources of the function they became, without a restart and off the critical path. Where that is refused, the
 * pod serves with what it has, and further pods of that revision are made with their own from the start.
 */
import { functionContainer } from '../../api/function-container.ts'
import { CONTAINER, objectKey, type ObjectKey } from '../../api/names.ts'
import type { Cache, Cluster } from '../../kube/cluster.ts'
import { isForbidden, isInvalid, isNotFound } from '../../kube/errors.ts'
import { PODS, type Pod } from '../../kube/objects.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Logger } from '../../lib/logger.ts'
import type { ContainerResources, RevisionTemplate } from './fleet.ts'
import type { FunctionEvents } from './function-events.ts'
import { isSameResources } from './own-pod-policy.ts'
import { functionKeyOf, refOf, type PodRecord } from './pod-record.ts'
import { resizeRefusal } from './pod-trouble.ts'
import { retry } from './retry.ts'
import { errorText } from '../../lib/error-text.ts'

export interface PodResizeOptions {
  cluster: Pick<Cluster, 'patchSubresource'>
  pods: Pick<Cache<Pod>, 'get'>
  events: FunctionEvents
  clock: Clock
  logger: Logger
  signal: AbortSignal
  servingTemplate: (key: ObjectKey, revision: string) => RevisionTemplate | undefined
}

export class PodResize {
  readonly #options: PodResizeOptions
  /** Revisions whose resources a node has refused, by function: the newest only. */
  readonly #refused = new Map<ObjectKey, string>()
  /** Pods that are being resized, by uid. */
  readonly #fitting = new Set<string>()

  constructor(options: PodResizeOptions) {
    this.#options = options
  }

  /** Whether pods of it must be made with their resources. */
  isRefused({ function: { namespace, name }, revision }: RevisionTemplate): boolean {
    return this.#refused.get(objectKey(namespace, name)) === revision
  }

  /** Until it is done, the pod stops being ready, or it is refused. A pod that has them already costs no call. */
  fit(record: PodRecord, resources: ContainerResources | undefined): void {
    if (resources === undefined || record.own !== undefined || this.#fitting.has(record.uid)) return
    const { cluster, pods, clock, signal } = this.#options
    const pod = pods.get(refOf(record))
    const container = pod && functionContainer(pod)
    if (isSameResources(container?.resources, resources)) return
    const patch = { spec: { containers: [{ name: container?.name ?? CONTAINER.runtime, resources }] } }
    const failed = (error: unknown) => this.#failed(record, error)
    const resize = () => cluster.patchSubresource(PODS, refOf(record), 'resize', patch)
    this.#fitting.add(record.uid)
    void retry(resize, { clock, signal, failed }).finally(() => this.#fitting.delete(record.uid))
  }

  /** Whoever claimed it may have ended before it was given what its function asks for. */
  mend(record: PodRecord): void {
    const key = functionKeyOf(record)
    const revision = record.claim?.revision
    if (record.stage !== 'ready' || key === undefined || revision === undefined) return
    if (this.#refused.get(key) !== revision) this.fit(record, this.#options.servingTemplate(key, revision)?.resources)
  }

  /** The kubelet may say no after the API has said yes. */
  seen(record: PodRecord, pod: Pod): void {
    const message = resizeRefusal(pod)
    if (message !== undefined) this.#refuse(record, message)
  }

  #failed(record: PodRecord, error: unknown): boolean {
    if (isNotFound(error) || record.stage !== 'ready') return false
    const { logger } = this.#options
    if (!isInvalid(error) && !isForbidden(error)) {
      logger.warn('a pod could not be resized yet', { pod: record.name, error })
      return true
    }
    this.#refuse(record, errorText(error))
    return false
  }

  #refuse(record: PodRecord, message: string): void {
    const key = functionKeyOf(record)
    const revision = record.claim?.revision
    if (key === undefined || revision === undefined || this.#refused.get(key) === revision) return
    this.#refused.set(key, revision)
    this.#options.logger.warn('a pod keeps the resources it was born with', {
      pod: record.name,
      function: key,
      why: message,
    })
    this.#options.events.record(key, {
      type: 'Warning',
      reason: 'ResizeRefused',
      message: `pod ${record.name} keeps the resources it was born with, further pods of revision ${revision} get their own: ${message}`,
    })
  }
}
