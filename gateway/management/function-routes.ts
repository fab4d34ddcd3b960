/** What operators may ask of a gateway's view of functions: `GET /api/v1/functions[/:namespace/:name]`. */
import { objectKey } from '../../api/names.ts'
import type { Route } from '../../lib/management-server.ts'
import { unknownFunction, type Lane } from '../../routing/lane.ts'
import type { Router } from '../../routing/router.ts'

export function functionRoutes(router: Router): Route[] {
  return [
    {
      method: 'get',
      path: '/api/v1/functions',
      handle: () => ({ json: { functions: [...router.lanes()].map((lane) => summaryOf(lane)) } }),
    },
    {
      method: 'get',
      path: '/api/v1/functions/:namespace/:name',
      handle: ({ params }) => {
        const key = objectKey(params['namespace'] ?? '', params['name'] ?? '')
        const lane = router.lane(key)
        if (lane === undefined) throw unknownFunction(key)
        return { json: { ...summaryOf(lane), pods: podsOf(lane), routes: routesOf(router, lane) } }
      },
    },
  ]
}

function summaryOf(lane: Lane): Record<string, unknown> {
  const { key, revision, signature, concurrency, timeoutMs, maxPods, broken } = lane.fn
  const [namespace, name] = key.split('/')
  const state = { readyPods: lane.podCount, inFlight: lane.inFlight, queued: lane.queued }
  return { namespace, name, revision, signature, concurrency, timeoutMs, maxPods, ...state, ...(broken && { broken }) }
}

function podsOf(lane: Lane): unknown[] {
  return lane.pods().map(({ endpoint, inFlight, gone, blockReason }) => ({
    name: endpoint.pod,
    uid: endpoint.id,
    revision: endpoint.revision,
    address: endpoint.address,
    inFlight,
    state: gone ? 'leaving' : (blockReason ?? 'serving'),
  }))
}

function routesOf(router: Router, lane: Lane): unknown[] {
  return router.snapshot.routes.filter((route) => route.function === lane.key)
}
