/**
 * Gives each Function a Service of its name, so that `http://<function>.<namespace>` reaches it inside the cluster. Owns these Services;
 * promises to leave those of others alone and to write nothing when all is well. Leaves the condition that tells of it to functions/.
 */
import type { DormouseFunction } from '../../api/function.ts'
import { FUNCTIONS } from '../../api/kinds.ts'
import { keyOf, objectKey, splitKey, type ObjectKey } from '../../api/names.ts'
import type { Cache, Cluster } from '../../kube/cluster.ts'
import { createControlLoop, done, requeueAfter, stale } from '../../kube/control-loop.ts'
import type { ControlLoop, ControlLoopMetrics, Outcome } from '../../kube/control-loop.ts'
import { isAlreadyExists, isForbidden, isInvalid } from '../../kube/errors.ts'
import { SERVICES, type Service } from '../../kube/objects.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Logger } from '../../lib/logger.ts'
import { whileLeading, type Leadership } from '../leadership.ts'
import { isLeftBehind, isOwnedBy, isStillThere } from '../ownership.ts'
import { canNameService, functionService, isCurrent } from './resources.ts'
import type { ServiceBook, ServiceState } from './service-book.ts'

export interface ServicesControllerOptions {
  cluster: Pick<Cluster, 'create' | 'get' | 'apply'>
  functions: Cache<DormouseFunction>
  /** Ours only. */
  services: Cache<Service>
  book: ServiceBook
  /** The gateways' internal listener, as a DNS name. */
  host: string
  clock: Clock
  logger: Logger
  loopMetrics?: ControlLoopMetrics
  /** Default: it leads. */
  leadership?: Leadership
}

export interface ServicesController {
  start(): void
  stop(): Promise<void>
}

/** Services of others are not watched, nor are policies: a name that was taken or refused is asked for again so often. */
const UNNAMED_RETRY_MS = 60_000
/** A namespace that is being deleted takes nothing more; its Functions are about to go. */
const REFUSED_RETRY_MS = 60_000

export function createServicesController(options: ServicesControllerOptions): ServicesController {
  return new FunctionServices(options)
}

class FunctionServices implements ServicesController {
  readonly #options: ServicesControllerOptions
  readonly #loop: ControlLoop
  #unsubscribes: (() => void)[] = []

  constructor(options: ServicesControllerOptions) {
    const { logger, clock, loopMetrics } = options
    this.#options = options
    this.#loop = createControlLoop({
      name: 'services',
      reconcile: whileLeading((key) => this.#reconcile(key as ObjectKey), options),
      concurrency: 4,
      logger,
      clock,
      ...(loopMetrics && { metrics: loopMetrics }),
    })
  }

  start(): void {
    const { functions, services } = this.#options
    const changed = ({ metadata }: DormouseFunction) => this.#loop.add(keyOf(metadata))
    const serviceChanged = ({ metadata: { namespace = '', name } }: Service) =>
      this.#loop.add(objectKey(namespace, name))
    this.#unsubscribes = [
      functions.subscribe({
        added: changed,
        updated: (fn, old) => fn.metadata.uid !== old.metadata.uid && changed(fn),
        deleted: changed,
      }),
      services.subscribe({ updated: serviceChanged, deleted: serviceChanged }),
    ]
    this.#loop.start()
  }

  async stop(): Promise<void> {
    this.#unsubscribes.forEach((unsubscribe) => unsubscribe())
    await this.#loop.stop()
  }

  async #reconcile(key: ObjectKey): Promise<Outcome> {
    const { cluster, functions, services, book, host } = this.#options
    const fn = functions.get(splitKey(key))
    // The Service goes with its owner.
    if (fn?.metadata.deletionTimestamp !== undefined || fn === undefined) {
      book.set(key, undefined)
      return done
    }
    const known = services.get(splitKey(key))
    const isOurs = known !== undefined && isOwnedBy(known, fn.metadata.uid)
    if (isOurs && isCurrent(known, host)) book.set(key, 'named')
    // One whose Service has vanished may have gone, unseen by a watch that is silent: another would vanish, too.
    else if (known === undefined && book.get(key) === 'named' && !(await isStillThere(cluster, FUNCTIONS, fn.metadata)))
      return stale
    else return this.#name(key, fn, isOurs)
    return done
  }

  async #name(key: ObjectKey, fn: DormouseFunction, isOurs: boolean): Promise<Outcome> {
    const { book, host, logger } = this.#options
    const service = functionService(fn, host)
    try {
      const state = isOurs ? await this.#correct(service) : await this.#claim(service, fn)
      book.set(key, state)
      const isSettled = state === 'named' || (state === 'invalid' && !canNameService(fn.metadata.name))
      return isSettled ? done : requeueAfter(UNNAMED_RETRY_MS)
    } catch (error) {
      if (!isForbidden(error)) throw error
      logger.debug('a Service could not be made', { function: key, error })
      return requeueAfter(REFUSED_RETRY_MS)
    }
  }

  async #correct(service: ReturnType<typeof functionService>): Promise<ServiceState> {
    await this.#options.cluster.apply(SERVICES, service)
    return 'named'
  }

  /** Created, not applied: that would take over what somebody else has made. */
  async #claim(service: ReturnType<typeof functionService>, fn: DormouseFunction): Promise<ServiceState> {
    const { cluster } = this.#options
    try {
      await cluster.create(SERVICES, service)
      return 'named'
    } catch (error) {
      if (isInvalid(error)) return this.#refused(service, error)
      if (!isAlreadyExists(error)) throw error
      const { namespace, name } = service.metadata
      const existing = await cluster.get(SERVICES, { namespace, name })
      const isOurs =
        existing !== undefined && (isOwnedBy(existing, fn.metadata.uid) || isLeftBehind(existing, service.metadata))
      if (!isOurs) return 'taken'
      return this.#correct(service)
    }
  }

  /** Not looked for before: newer clusters may take what older ones refuse. */
  #refused({ metadata: { namespace, name } }: ReturnType<typeof functionService>, error: unknown): ServiceState {
    const key = objectKey(namespace, name)
    if (this.#options.book.get(key) !== 'invalid')
      this.#options.logger.warn('Kubernetes takes no Service of its name', { function: key, error })
    return 'invalid'
  }
}
