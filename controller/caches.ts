import type { DormouseFunction } from '../api/function.ts'
import { FUNCTIONS, RUNTIMES, TRIGGERS } from '../api/kinds.ts'
import { LABEL } from '../api/names.ts'
import type { Runtime } from '../api/runtime.ts'
import type { Trigger } from '../api/trigger.ts'
import type { Cache, Cluster } from '../kube/cluster.ts'
import {
  CONTROLLER_REVISIONS,
  PODS,
  SERVICES,
  type ControllerRevision,
  type Pod,
  type Service,
} from '../kube/objects.ts'
import { MANAGED_BY } from './fleet/resources.ts'

/** One watch per kind, shared by all parts. */
export interface ControllerCaches {
  functions: Cache<DormouseFunction>
  triggers: Cache<Trigger>
  runtimes: Cache<Runtime>
  revisions: Cache<ControllerRevision>
  /** Ours only. */
  pods: Cache<Pod>
  /** Ours only; absent when no Services are made. */
  services?: Cache<Service>
  readonly synced: Promise<unknown>
  stop(): void
}

export function openCaches(cluster: Cluster, { services }: { services: boolean }): ControllerCaches {
  const ours = { labels: { [LABEL.managedBy]: MANAGED_BY } }
  const caches = {
    functions: cluster.cache(FUNCTIONS),
    triggers: cluster.cache(TRIGGERS),
    runtimes: cluster.cache(RUNTIMES),
    revisions: cluster.cache(CONTROLLER_REVISIONS, ours),
    pods: cluster.cache(PODS, ours),
    ...(services && { services: cluster.cache(SERVICES, ours) }),
  }
  const all: readonly { synced: Promise<void>; stop(): void }[] = Object.values(caches)
  return {
    ...caches,
    synced: Promise.all(all.map(({ synced }) => synced)),
    stop: () => all.forEach((cache) => cache.stop()),
  }
}
