/** The ApiClient of a cluster: the Cluster port behind it, the same answers as a local instance gives (local/api/). */
import { LABEL } from '../../api/names.ts'
import type { KubeObject } from '../../api/object.ts'
import type { CacheOptions, Cluster, Kind } from '../../kube/cluster.ts'
import { ClusterError } from '../../kube/errors.ts'
import { describeRef, scopedRef } from '../../kube/kinds.ts'
import { EVENTS, PODS, type ClusterEvent } from '../../kube/objects.ts'
import { exposedKind } from '../../local/api/exposed-kinds.ts'
import type { ApiClient, LogEntry, LogQuery, ObjectQuery, WatchChange } from '../client/api-client.ts'
import { CliError } from '../cli-error.ts'
import { EXIT } from '../exit-codes.ts'
import { applyManifest } from './apply-manifest.ts'
import { clusterRefusal, isUnknownKind } from './refusal.ts'
import { createValueStream } from './value-stream.ts'

export interface ClusterObjectsOptions {
  cluster: Cluster
  /** For messages. */
  name: string
  logs: (query: LogQuery, signal: AbortSignal) => AsyncIterable<LogEntry>
}

export function createClusterObjects(options: ClusterObjectsOptions): ApiClient {
  return new ClusterObjects(options)
}

class ClusterObjects implements ApiClient {
  readonly #options: ClusterObjectsOptions

  constructor(options: ClusterObjectsOptions) {
    this.#options = options
  }

  apply(manifests: readonly unknown[]): ReturnType<ApiClient['apply']> {
    return this.#guard(async (cluster) => {
      const results = []
      for (const manifest of manifests) results.push(await applyManifest(cluster, manifest))
      return results
    })
  }

  list(query: ObjectQuery): Promise<KubeObject[]> {
    const kind = exposedKind(query.plural)
    return this.#guard((cluster) => cluster.list(kind, scopeOf(kind, query)))
  }

  get({ plural, ...ref }: ObjectQuery & { name: string }): Promise<KubeObject> {
    const kind = exposedKind(plural)
    return this.#guard(async (cluster) => {
      const object = await cluster.get(kind, scopedRef(kind, ref))
      if (object !== undefined) return object
      await refuseUnknown(cluster, kind, scopeOf(kind, ref))
      throw new CliError(EXIT.notFound, `${describeRef(kind.kind, scopedRef(kind, ref))} does not exist`)
    })
  }

  delete({ plural, ...ref }: ObjectQuery & { name: string }): Promise<void> {
    const kind = exposedKind(plural)
    return this.#guard((cluster) => cluster.delete(kind, scopedRef(kind, ref)))
  }

  events({ namespace, kind, name }: { namespace: string; kind: string; name: string }): Promise<ClusterEvent[]> {
    return this.#guard(async (cluster) => {
      const events = await cluster.list(EVENTS, { namespace })
      return events
        .filter(({ involvedObject: about }) => about.kind === kind && about.name === name)
        .map(withTimes)
        .sort((a, b) => (a.lastTimestamp < b.lastTimestamp ? -1 : 1))
    })
  }

  async *watch({ name, ...query }: ObjectQuery, signal: AbortSignal): AsyncGenerator<WatchChange> {
    const kind = exposedKind(query.plural)
    const { cluster } = this.#options
    // A watch tries for ever; what forbids it is told by the first list.
    await this.#guard(() => cluster.list(kind, scopeOf(kind, query)))
    if (signal.aborted) return
    const cache = cluster.cache(kind, scopeOf(kind, query))
    const stream = createValueStream<WatchChange>(signal)
    const tell = (type: WatchChange['type']) => (object: KubeObject) => {
      if (name === undefined || name === object.metadata.name) stream.push({ type, object })
    }
    cache.synced.catch(() => undefined)
    cache.subscribe({ added: tell('added'), updated: tell('updated'), deleted: tell('deleted') })
    try {
      yield* stream.values
    } finally {
      cache.stop()
    }
  }

  async *logs(query: LogQuery, signal: AbortSignal): AsyncGenerator<LogEntry> {
    await this.get({ plural: 'functions', namespace: query.namespace, name: query.name })
    yield* this.#options.logs(query, signal)
  }

  async #guard<T>(work: (cluster: Cluster) => Promise<T>): Promise<T> {
    const { cluster, name } = this.#options
    try {
      return await work(cluster)
    } catch (error) {
      throw clusterRefusal(error, name)
    }
  }
}

/** An object that is not there may be of a kind that is not there either. Throws ClusterError then; whoever may not list learns no more. */
async function refuseUnknown(cluster: Cluster, kind: Kind<KubeObject>, scope: CacheOptions): Promise<void> {
  try {
    await cluster.list(kind, scope)
  } catch (error) {
    if (error instanceof ClusterError && isUnknownKind(error)) throw error
  }
}

/** Of pods, ours only: a namespace holds others, too. */
function scopeOf(kind: Kind<KubeObject>, { namespace }: { namespace?: string }): CacheOptions {
  const within = kind.namespaced && namespace !== undefined ? { namespace } : {}
  return kind.plural === PODS.plural ? { ...within, labels: { [LABEL.managedBy]: 'dormouse' } } : within
}

/** Events by the newer API have an `eventTime` and a `series` instead. */
function withTimes(event: ClusterEvent): ClusterEvent {
  const newer = event as ClusterEvent & { eventTime?: string; series?: { count: number; lastObservedTime: string } }
  const lastTimestamp =
    event.lastTimestamp ?? newer.series?.lastObservedTime ?? newer.eventTime ?? event.metadata.creationTimestamp
  return { ...event, lastTimestamp, count: event.count ?? newer.series?.count ?? 1 }
}
