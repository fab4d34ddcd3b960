/** All objects of a kind, and what becomes of them, as requests. */
import type { KubeObject } from '../../api/object.ts'
import { isRecord } from '../../api/record.ts'
import type { CacheOptions } from '../cluster.ts'
import { ClusterError } from '../errors.ts'
import type { AnyKind } from '../kinds.ts'
import type { ApiClient } from './api-client.ts'
import { isVersionGone } from './api-errors.ts'
import { collectionPath, selectorQuery } from './resource-paths.ts'
import { watchEvents, type WatchEvent } from './watch-events.ts'

export interface ListRequest {
  kind: AnyKind
  selector: CacheOptions
  /** What is kept of each item; called page by page. */
  shape: (kind: AnyKind, item: unknown) => KubeObject
  signal?: AbortSignal
}

export interface ObjectList {
  objects: KubeObject[]
  /** From where a watch goes on. */
  resourceVersion: string
}

export interface WatchRequest {
  kind: AnyKind
  selector: CacheOptions
  resourceVersion: string
  /** After which the API server ends it. */
  lifetimeSeconds: number
  signal: AbortSignal
}

/** Objects with 256 KiB of code each: not all of ten thousand are to be parsed at once. */
const PAGE_SIZE = 500

/** Asks the API server to leave everything but metadata out. */
function metadataOnly(kind: AnyKind, as: string): { accept?: string } {
  return kind.metadataOnly === true ? { accept: `application/json;as=${as};v=v1;g=meta.k8s.io` } : {}
}

/** As of one moment. Throws ClusterError. */
export async function listAll(client: ApiClient, request: ListRequest): Promise<ObjectList> {
  try {
    return await listPages(client, request, { limit: String(PAGE_SIZE) })
  } catch (error) {
    // The moment of the first page has been compacted away before the last one was read.
    if (!isVersionGone(error)) throw error
    return listPages(client, request, {})
  }
}

async function listPages(client: ApiClient, request: ListRequest, limit: Record<string, string>): Promise<ObjectList> {
  const { kind, selector, shape, signal } = request
  const objects: KubeObject[] = []
  let from: Record<string, string> = {}
  for (;;) {
    const page = await client.call({
      verb: 'list',
      path: collectionPath(kind, selector.namespace),
      query: { ...selectorQuery(selector), ...limit, ...from },
      ...metadataOnly(kind, 'PartialObjectMetadataList'),
      what: `list ${kind.plural}`,
      ...(signal && { signal }),
    })
    const { items, resourceVersion, next } = parsePage(kind, page)
    for (const item of items) objects.push(shape(kind, item))
    if (next === '') return { objects, resourceVersion }
    from = { continue: next }
  }
}

function parsePage(kind: AnyKind, page: unknown): { items: unknown[]; resourceVersion: string; next: string } {
  const metadata = isRecord(page) ? page['metadata'] : undefined
  if (!isRecord(page) || !isRecord(metadata) || typeof metadata['resourceVersion'] !== 'string') {
    throw new ClusterError('Unavailable', `list ${kind.plural}: expected a list, got ${JSON.stringify(page)}`)
  }
  const { resourceVersion, continue: next } = metadata
  // An empty list may come as null.
  const items = Array.isArray(page['items']) ? (page['items'] as unknown[]) : []
  return { items, resourceVersion, next: typeof next === 'string' ? next : '' }
}

/** Ends when the API server ends it. Throws ClusterError, and what the connection throws. */
export async function* watchFrom(client: ApiClient, request: WatchRequest): AsyncGenerator<WatchEvent> {
  const { kind, selector, resourceVersion, lifetimeSeconds, signal } = request
  const what = `watch ${kind.plural}`
  const { body } = await client.stream({
    verb: 'watch',
    path: collectionPath(kind, selector.namespace),
    query: {
      ...selectorQuery(selector),
      watch: 'true',
      // Keeps the place of a quiet kind from growing too old: without, it would have to be listed again.
      allowWatchBookmarks: 'true',
      resourceVersion,
      timeoutSeconds: String(lifetimeSeconds),
    },
    what,
    signal,
    ...metadataOnly(kind, 'PartialObjectMetadata'),
  })
  yield* watchEvents(body, what)
}
