/** Asks the API for pods. What it answers is seen at once: the watch may be late, and the pod may already be up. */
import type { ObjectKey } from '../../api/names.ts'
import type { Runtime } from '../../api/runtime.ts'
import type { PoolParts } from '../../api/pool-name.ts'
import type { Cluster, NewObject } from '../../kube/cluster.ts'
import { PODS, type Pod } from '../../kube/objects.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Logger } from '../../lib/logger.ts'
import type { Keys } from '../keys/keys.ts'
import type { FleetMetrics } from './fleet-metrics.ts'
import type { NewOwnPod } from './own-pods.ts'
import type { PodSettings } from './pod-container.ts'
import { createRefusal } from './pod-trouble.ts'
import { genericPod, ownPod } from './resources.ts'

export interface PodCreationOptions {
  cluster: Pick<Cluster, 'create'>
  clock: Clock
  logger: Logger
  keys: Keys
  metrics: FleetMetrics
  settings: PodSettings
  seen: (pod: Pod) => void
}

export interface NewGenericPod extends Omit<PoolParts, 'runtime'> {
  name: string
  runtime: Runtime
}

export class PodCreation {
  readonly #options: PodCreationOptions

  constructor(options: PodCreationOptions) {
    this.#options = options
  }

  /** Resolves with the pod's uid. */
  generic({ namespace, name, ...made }: NewGenericPod): Promise<string> {
    const { settings } = this.#options
    return this.#create(genericPod({ ...made, ...this.#identity(namespace, name), settings }))
  }

  own({ name, template, runtime }: NewOwnPod): Promise<string> {
    const { settings, clock } = this.#options
    const identity = this.#identity(template.function.namespace, name)
    return this.#create(ownPod({ template, runtime, ...identity, settings, nowMs: clock.now() }))
  }

  /** Of a pool, or of a function. */
  failed(key: ObjectKey, error: unknown): void {
    const { metrics, logger } = this.#options
    const { ending, message } = createRefusal(error)
    metrics.podCreateFailures.inc()
    // Its Functions are about to go, and what is said of them with them.
    if (ending) logger.debug('a pod could not be created', { for: key, reason: message })
    else logger.warn('a pod could not be created', { for: key, error })
  }

  async #create(pod: NewObject<Pod>): Promise<string> {
    const created = await this.#options.cluster.create(PODS, pod)
    this.#options.seen(created)
    return created.metadata.uid
  }

  #identity(namespace: string, name: string) {
    return { namespace, name, phoneHomeToken: this.#options.keys.phoneHomeToken(namespace, name) }
  }
}
