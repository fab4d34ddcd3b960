import type { KubeObject } from '../../api/object.ts'
import type { Cluster, Kind, ObjectRef } from '../../kube/cluster.ts'
import { describeRef, scopedRef } from '../../kube/kinds.ts'
import { EVENTS } from '../../kube/objects.ts'
import type { RouteAnswer, RouteRequest } from '../../lib/management-server.ts'
import { ApiError } from './api-error.ts'
import { exposedKind } from './exposed-kinds.ts'

/** Without `namespace`, those of all namespaces. */
export async function listObjects(cluster: Cluster, { params, query }: RouteRequest): Promise<RouteAnswer> {
  const kind = exposedKind(params.plural)
  return { json: { items: await cluster.list(kind, namespaceOf(kind, query)) } }
}

export async function getObject(cluster: Cluster, request: RouteRequest): Promise<RouteAnswer> {
  const { kind, ref } = target(request)
  const object = await cluster.get(kind, ref)
  if (object === undefined) throw new ApiError(404, 'not-found', `${describeRef(kind.kind, ref)} does not exist`)
  return { json: object }
}

export async function deleteObject(cluster: Cluster, request: RouteRequest): Promise<RouteAnswer> {
  const { kind, ref } = target(request)
  await cluster.delete(kind, ref)
  return { json: { kind: kind.kind, ...ref } }
}

export async function listEvents(cluster: Cluster, { params, query }: RouteRequest): Promise<RouteAnswer> {
  const { namespace } = params
  const events = await cluster.list(EVENTS, namespace === undefined ? {} : { namespace })
  const items = events
    .filter(({ involvedObject: { kind, name } }) => {
      return (query.kind === undefined || query.kind === kind) && (query.name === undefined || query.name === name)
    })
    .sort((a, b) => (a.lastTimestamp < b.lastTimestamp ? -1 : 1))
  return { json: { items } }
}

export function namespaceOf(kind: Kind<KubeObject>, query: Record<string, string>): { namespace?: string } {
  return kind.namespaced && query.namespace !== undefined ? { namespace: query.namespace } : {}
}

function target({ params, query }: RouteRequest): { kind: Kind<KubeObject>; ref: ObjectRef } {
  const kind = exposedKind(params.plural)
  return { kind, ref: scopedRef(kind, { name: params.name ?? '', ...namespaceOf(kind, query) }) }
}
