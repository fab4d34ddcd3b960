import type { KubeObject } from '../../api/object.ts'
import type { Cluster } from '../../kube/cluster.ts'
import type { RouteAnswer, RouteRequest } from '../../lib/management-server.ts'
import { exposedKind } from './exposed-kinds.ts'
import { createLineStream } from './line-stream.ts'
import { namespaceOf } from './objects.ts'

/** What is there as `added`, then every change, until the client goes away. */
export async function watchObjects(cluster: Cluster, request: RouteRequest): Promise<RouteAnswer> {
  const { params, query, signal } = request
  const kind = exposedKind(params.plural)
  const cache = cluster.cache(kind, namespaceOf(kind, query))
  await cache.synced
  const stream = createLineStream(signal)
  const tell = (type: string) => (object: KubeObject) => {
    if (query.name === undefined || query.name === object.metadata.name) stream.push({ type, object })
  }
  cache.subscribe({ added: tell('added'), updated: tell('updated'), deleted: tell('deleted') })
  signal.addEventListener('abort', () => cache.stop(), { once: true })
  if (signal.aborted) cache.stop()
  return { stream: stream.lines }
}
