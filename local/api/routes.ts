/**
 * What the `dormouse` command says to a running local instance, mounted on its management listener. In a cluster its place is taken by the
 * Kubernetes API; nothing but the command and tests may build on it.
 *
 *   GET  /api/v1/instance                                 who runs here, and where it listens
 *   POST /api/v1/apply                                    {manifests} → {results}
 *   GET  /api/v1/objects/:plural[/:name]?namespace=       {items} | object
 *   DELETE the same with a name
 *   GET  /api/v1/watch/:plural?namespace=&name=           NDJSON {type: added|updated|deleted, object}
 *   GET  /api/v1/logs/:namespace/:name?tail=&follow=true  NDJSON {pod, stream, text}
 *   GET  /api/v1/events/:namespace?kind=&name=            {items}, oldest first
 */
import type { Cluster } from '../../kube/cluster.ts'
import type { Route } from '../../lib/management-server.ts'
import type { LogBook } from '../logs/log-book.ts'
import { withProblems } from './api-error.ts'
import { applyManifests } from './apply.ts'
import { readLogs } from './logs.ts'
import { deleteObject, getObject, listEvents, listObjects } from './objects.ts'
import { watchObjects } from './watch.ts'

export interface LocalInstance {
  version: string
  pid: number
  stateDir: string
  urls: { public: string; internal: string; management: string }
}

export interface LocalApiOptions {
  cluster: Cluster
  logs: LogBook
  /** Known only once the listeners are. */
  instance: () => LocalInstance
}

export function localRoutes({ cluster, logs, instance }: LocalApiOptions): Route[] {
  const routes: Route[] = [
    { method: 'get', path: '/api/v1/instance', handle: () => ({ json: instance() }) },
    {
      method: 'post',
      path: '/api/v1/apply',
      handle: async ({ body }) => ({ json: { results: await applyManifests(cluster, body) } }),
    },
    { method: 'get', path: '/api/v1/objects/:plural', handle: (request) => listObjects(cluster, request) },
    { method: 'get', path: '/api/v1/objects/:plural/:name', handle: (request) => getObject(cluster, request) },
    { method: 'delete', path: '/api/v1/objects/:plural/:name', handle: (request) => deleteObject(cluster, request) },
    { method: 'get', path: '/api/v1/watch/:plural', handle: (request) => watchObjects(cluster, request) },
    { method: 'get', path: '/api/v1/logs/:namespace/:name', handle: (request) => readLogs({ cluster, logs }, request) },
    { method: 'get', path: '/api/v1/events/:namespace', handle: (request) => listEvents(cluster, request) },
  ]
  return routes.map(withProblems)
}
