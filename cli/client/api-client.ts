/** Speaks the local API (local/api/routes.ts). */
import type { KubeObject } from '../../api/object.ts'
import type { ApplyResult } from '../../local/api/apply.ts'
import type { LocalInstance } from '../../local/api/routes.ts'
import type { ClusterEvent } from '../../kube/objects.ts'
import { instanceDoor } from './door.ts'
import { createTransport, post, search, segment } from './transport.ts'

export interface ObjectQuery {
  plural: string
  name?: string
  /** Absent = all namespaces, where there is no name. */
  namespace?: string
}

export interface WatchChange {
  type: 'added' | 'updated' | 'deleted'
  object: KubeObject
}

export interface LogEntry {
  pod: string
  stream: 'stdout' | 'stderr'
  text: string
  /** In place of so many lines that this reader was too slow for. */
  lost?: number
}

export interface LogQuery {
  namespace: string
  name: string
  tail?: number
  follow?: boolean
}

/** Objects, events and logs, wherever they are kept: a running instance (below) or a cluster (cli/cluster/). */
export interface ApiClient {
  apply(manifests: readonly unknown[]): Promise<ApplyResult[]>
  list(query: ObjectQuery): Promise<KubeObject[]>
  get(query: ObjectQuery & { name: string }): Promise<KubeObject>
  delete(query: ObjectQuery & { name: string }): Promise<void>
  events(query: { namespace: string; kind: string; name: string }): Promise<ClusterEvent[]>
  /** What is there as `added`, then changes, until `signal` aborts or the server ends. */
  watch(query: ObjectQuery, signal: AbortSignal): AsyncIterable<WatchChange>
  logs(query: LogQuery, signal: AbortSignal): AsyncIterable<LogEntry>
}

export interface InstanceClient extends ApiClient {
  instance(): Promise<LocalInstance>
}

/** `server`: base URL of its management listener. */
export function createApiClient(server: string): InstanceClient {
  const { json, stream } = createTransport(instanceDoor(server))
  return {
    instance: async () => (await json('/api/v1/instance')) as LocalInstance,
    apply: async (manifests) =>
      ((await json('/api/v1/apply', post({ manifests }))) as { results: ApplyResult[] }).results,
    list: async (query) => ((await json(objectsPath(query))) as { items: KubeObject[] }).items,
    get: async (query) => (await json(objectsPath(query))) as KubeObject,
    delete: async (query) => void (await json(objectsPath(query), { method: 'DELETE' })),
    events: async ({ namespace, kind, name }) => {
      const path = `/api/v1/events/${segment(namespace)}${search({ kind, name })}`
      return ((await json(path)) as { items: ClusterEvent[] }).items
    },
    watch: ({ plural, name, namespace }, signal) =>
      stream(`/api/v1/watch/${plural}${search({ name, namespace })}`, signal) as AsyncIterable<WatchChange>,
    logs: ({ namespace, name, tail, follow }, signal) => {
      const query = search({ tail: tail?.toString(), follow: follow === true ? 'true' : undefined })
      return stream(`/api/v1/logs/${segment(namespace)}/${segment(name)}${query}`, signal) as AsyncIterable<LogEntry>
    },
  }
}

function objectsPath({ plural, name, namespace }: ObjectQuery): string {
  return `/api/v1/objects/${plural}${name === undefined ? '' : `/${segment(name)}`}${search({ namespace })}`
}
