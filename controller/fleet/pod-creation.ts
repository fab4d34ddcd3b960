/**
 * Asks the API for pods. What it answers is seen at once: the watch may be late, and the pod may already be up. A call that is cut, as by an API
 * server that is started anew, is made again: somebody waits for the pod.
 */
import type { ObjectKey } from '../../api/names.ts'
import type { Runtime } from '../../api/runtime.ts'
import type { PoolParts } from '../../api/pool-name.ts'
import type { Cluster, NewObject } from '../../kube/cluster.ts'
import { isAlreadyExists, isUnavailable } from '../../kube/errors.ts'
import { PODS, type Pod } from '../../kube/objects.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Logger } from '../../lib/logger.ts'
import { pause } from '../../lib/pause.ts'
import type { Keys } from '../keys/keys.ts'
import type { FleetMetrics } from './fleet-metrics.ts'
import type { NewOwnPod } from './own-pods.ts'
import type { PodSettings } from './pod-container.ts'
import { createRefusal } from './pod-trouble.ts'
import { genericPod, ownPod } from './resources.ts'

export interface PodCreationOptions {
  cluster: Pick<Cluster, 'create' | 'get'>
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

/** Until another API server answers in the place of the one that has gone. */
const AGAIN_AFTER_MS = 250
/** Who has had no answer for longer has waited enough. */
const LONGEST_FIRST_TRY_MS = 2_000

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
    const { clock, seen } = this.#options
    const startedMs = clock.now()
    const created = await this.#ask(pod).catch(async (error: unknown) => {
      if (!isUnavailable(error) || clock.now() - startedMs > LONGEST_FIRST_TRY_MS) throw error
      await pause(clock, AGAIN_AFTER_MS)
      return this.#ask(pod)
    })
    seen(created)
    return created.metadata.uid
  }

  /** It may be there: its name is random, so what bears it is what an earlier call has made, of which we have not heard. */
  async #ask(pod: NewObject<Pod>): Promise<Pod> {
    const { cluster } = this.#options
    const { namespace = '', name = '' } = pod.metadata
    try {
      return await cluster.create(PODS, pod)
    } catch (error) {
      const made = isAlreadyExists(error) ? await cluster.get(PODS, { namespace, name }) : undefined
      if (made === undefined) throw error
      return made
    }
  }

  #identity(namespace: string, name: string) {
    return { namespace, name, phoneHomeToken: this.#options.keys.phoneHomeToken(namespace, name) }
  }
}
