/**
 * The Cluster port on a Kubernetes API server. Owns connections and caches, and promises what the port promises (test/conformance/cluster);
 * how the cluster is found is kube-config.ts's, what HTTP needs api-client.ts's, what keeps a cache current watched-cache.ts's.
 */
import type { KubeObject } from '../../api/object.ts'
import type { Backoff } from '../../lib/backoff.ts'
import { monotonicClock, type Clock } from '../../lib/clock.ts'
import type { Logger } from '../../lib/logger.ts'
import { SparingLog } from '../../lib/sparing-log.ts'
import type { ApplyOptions, Cache, CacheOptions, Cluster, DeleteOptions, EventInput, Kind } from '../cluster.ts'
import type { AppliedObject, MergePatch, NewObject, ObjectRef, PatchOptions } from '../cluster.ts'
import { ClusterError, isNamespaceEnding, isNotFound } from '../errors.ts'
import { EventRecorder } from '../event-recorder.ts'
import { LEASES } from '../objects.ts'
import { apiVersionOf, describeRef, scopedRef, type AnyKind } from '../kinds.ts'
import { ApiClient, type ApiMetrics, type ApiRequest } from './api-client.ts'
import type { ClusterAccess } from './cluster-access.ts'
import { listAll } from './list-and-watch.ts'
import { plainObject } from './plain-object.ts'
import { collectionPath, objectPath } from './resource-paths.ts'
import { WatchedCache } from './watched-cache.ts'

export interface ClientNodeClusterOptions {
  access: ClusterAccess
  logger: Logger
  /** Who we are to the API server's log and in Events: `dormouse-controller`. */
  component?: string
  /** A call, with its retries, takes no longer. */
  timeoutMs?: number
  /** Between attempts at a watch that fails. */
  backoff?: Backoff
  /** A watch that says nothing for so long is opened anew. */
  watchSilenceMs?: number
  metrics?: ApiMetrics
  /** For waits, not for the time of day. */
  clock?: Clock
  /** Uniform in [0, 1). */
  random?: () => number
  /** Epoch milliseconds. */
  now?: () => number
}

/** The caller closes it. Makes no call by itself. */
export function createClientNodeCluster(options: ClientNodeClusterOptions): ClientNodeCluster {
  return new ClientNodeCluster(options)
}

const DEFAULT_BACKOFF: Backoff = { firstMs: 200, longestMs: 5_000 }
const DEFAULT_COMPONENT = 'dormouse'
const DEFAULT_FIELD_MANAGER = 'dormouse'

/** Always named: without, a patch would be taken for a JSON patch. */
const MERGE_PATCH = 'application/merge-patch+json'
/** Lists of built-in kinds merge by name. */
const STRATEGIC_MERGE_PATCH = 'application/strategic-merge-patch+json'
/** JSON is YAML. */
const APPLY_PATCH = 'application/apply-patch+yaml'

export class ClientNodeCluster implements Cluster {
  readonly #options: ClientNodeClusterOptions
  readonly #client: ApiClient
  readonly #clock: Clock
  readonly #events: EventRecorder
  readonly #caches = new Set<WatchedCache>()

  constructor(options: ClientNodeClusterOptions) {
    const { access, logger, component = DEFAULT_COMPONENT, timeoutMs, watchSilenceMs, metrics } = options
    this.#options = options
    this.#clock = options.clock ?? monotonicClock
    const eventLog = new SparingLog({ logger, clock: this.#clock })
    this.#client = new ApiClient({
      ...{ access, logger, userAgent: component, clock: this.#clock },
      ...(timeoutMs !== undefined && { timeoutMs }),
      ...(watchSilenceMs !== undefined && { watchSilenceMs }),
      ...(metrics && { metrics }),
    })
    this.#events = new EventRecorder({
      ...{ cluster: this, component, now: options.now ?? Date.now },
      // The API server forgets them after an hour.
      deletesForgotten: false,
      onError: (error) => {
        if (isNamespaceEnding(error)) logger.debug('an Event of a namespace that is deleted is not recorded', { error })
        else eventLog.warn('event', 'an Event could not be recorded', { error })
      },
    })
  }

  async create<T extends KubeObject>(kind: Kind<T>, object: NewObject<NoInfer<T>>): Promise<T> {
    checkKind(kind, object as unknown as KubeObject)
    const { name, generateName, namespace } = object.metadata
    const ref = scopedRef(kind, { ...(namespace !== undefined && { namespace }), name: name ?? `${generateName}…` })
    const created = await this.#client.call({
      ...{ verb: 'create', path: collectionPath(kind, ref.namespace), body: object },
      ...{ what: `create ${describeRef(kind.kind, ref)}`, isUrgent: isUrgent(kind) },
    })
    return plainObject(kind, created) as T
  }

  async get<T extends KubeObject>(kind: Kind<T>, ref: ObjectRef): Promise<T | undefined> {
    try {
      return await this.#onObject(kind, ref, { verb: 'get' })
    } catch (error) {
      if (isNotFound(error)) return undefined
      throw error
    }
  }

  async list<T extends KubeObject>(kind: Kind<T>, options: CacheOptions = {}): Promise<T[]> {
    const { objects } = await listAll(this.#client, { kind, selector: options, shape: plainObject })
    return objects as T[]
  }

  // eslint-disable-next-line max-params -- the port's
  patch<T extends KubeObject>(
    kind: Kind<T>,
    ref: ObjectRef,
    patch: MergePatch,
    options: PatchOptions = {},
  ): Promise<T> {
    return this.#onObject(kind, ref, {
      ...{ verb: 'patch', contentType: MERGE_PATCH, body: withVersion(patch, options.resourceVersion) },
    })
  }

  // eslint-disable-next-line max-params -- the port's
  async patchStatus<T extends KubeObject>(
    kind: Kind<T>,
    ref: ObjectRef,
    status: object,
    options: PatchOptions = {},
  ): Promise<T> {
    if (!kind.hasStatus) throw new ClusterError('NotFound', `${kind.plural} have no status of their own`)
    const body = withVersion({ status }, options.resourceVersion)
    return this.#onObject(kind, ref, { verb: 'patch', contentType: MERGE_PATCH, body }, 'status')
  }

  // eslint-disable-next-line max-params -- the port's
  patchSubresource<T extends KubeObject>(
    kind: Kind<T>,
    ref: ObjectRef,
    subresource: 'resize',
    patch: MergePatch,
  ): Promise<T> {
    return this.#onObject(kind, ref, { verb: 'patch', contentType: STRATEGIC_MERGE_PATCH, body: patch }, subresource)
  }

  async apply<T extends KubeObject>(
    kind: Kind<T>,
    object: AppliedObject<NoInfer<T>>,
    options: ApplyOptions = {},
  ): Promise<T> {
    checkKind(kind, object)
    const query = { fieldManager: options.fieldManager ?? DEFAULT_FIELD_MANAGER, force: 'true' }
    return this.#onObject(kind, object.metadata, { verb: 'patch', contentType: APPLY_PATCH, body: object, query })
  }

  async delete<T extends KubeObject>(kind: Kind<T>, ref: ObjectRef, options: DeleteOptions = {}): Promise<void> {
    const { gracePeriodSeconds, ...preconditions } = options
    const body = {
      ...{ apiVersion: 'v1', kind: 'DeleteOptions', propagationPolicy: 'Background', preconditions },
      ...(gracePeriodSeconds !== undefined && { gracePeriodSeconds }),
    }
    const path = objectPath(kind, ref)
    await this.#client.call({ verb: 'delete', path, body, what: `delete ${describeRef(kind.kind, ref)}` })
  }

  cache<T extends KubeObject>(kind: Kind<T>, options: CacheOptions = {}): Cache<T> {
    const { logger, random = Math.random, backoff = DEFAULT_BACKOFF } = this.#options
    const cache = new WatchedCache({
      ...{ client: this.#client, kind, selector: options, logger, clock: this.#clock, random, backoff },
      onStop: (stopped) => this.#caches.delete(stopped),
    })
    this.#caches.add(cache)
    return cache as unknown as Cache<T>
  }

  /** What the API server says at a path that is no object's, such as the keys it signs with. */
  readPath(path: string): Promise<unknown> {
    return this.#client.call({ verb: 'get', path, what: `get ${path}` })
  }

  recordEvent(event: EventInput): Promise<void> {
    return this.#events.record(event)
  }

  /** Stops every cache and ends every call. */
  async close(): Promise<void> {
    for (const cache of [...this.#caches]) cache.stop()
    await this.#client.close()
  }

  // eslint-disable-next-line max-params -- a subresource is the exception
  async #onObject<T extends KubeObject>(
    kind: Kind<T>,
    ref: ObjectRef,
    request: Omit<ApiRequest, 'path' | 'what'>,
    subresource?: string,
  ): Promise<T> {
    const path = objectPath(kind, ref, subresource)
    const what = `${request.verb} ${describeRef(kind.kind, scopedRef(kind, ref))}`
    return plainObject(kind, await this.#client.call({ ...request, path, what, isUrgent: isUrgent(kind) })) as T
  }
}

/** Who leads must not lose the lead because it has much to do. */
const isUrgent = ({ group, kind }: AnyKind): boolean => group === LEASES.group && kind === LEASES.kind

function withVersion(patch: MergePatch, resourceVersion: string | undefined): MergePatch {
  if (resourceVersion === undefined) return patch
  return { ...patch, metadata: { ...(patch['metadata'] as object | undefined), resourceVersion } }
}

/** The path says the kind: of another one the API server would say only that it could not be decoded. */
function checkKind(kind: AnyKind, object: { apiVersion?: unknown; kind?: unknown }): void {
  const expected = `${apiVersionOf(kind)} ${kind.kind}`
  const found = `${String(object.apiVersion)} ${String(object.kind)}`
  if (expected !== found) throw new ClusterError('Invalid', `expected a ${expected}, got a ${found}`)
}
