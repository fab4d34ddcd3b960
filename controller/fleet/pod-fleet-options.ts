/** What the fleet is given, and what it shows of pods that belong to no function. */
import { AFTER_WAKE_MS } from '../after-wake.ts'
import type { ObjectKey } from '../../api/names.ts'
import type { Runtime } from '../../api/runtime.ts'
import { poolKey } from '../../api/pool-name.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Cache, Cluster } from '../../kube/cluster.ts'
import type { Pod } from '../../kube/objects.ts'
import type { Logger } from '../../lib/logger.ts'
import type { Metrics } from '../../lib/metrics.ts'
import type { Keys } from '../keys/keys.ts'
import type { Leadership } from '../leadership.ts'
import type { CodeSupply, RevisionTemplate } from './fleet.ts'
import type { FunctionEvents } from './function-events.ts'
import type { PodSettings } from './pod-container.ts'
import type { PodRecord } from './pod-record.ts'
import type { RuntimeClient } from './runtime-client.ts'

export interface PodFleetOptions {
  cluster: Cluster
  clock: Clock
  logger: Logger
  metrics: Metrics
  keys: Keys
  /** Synced caches; pods: ours only (label managed-by). */
  pods: Cache<Pod>
  runtimes: Cache<Runtime>
  client: RuntimeClient
  code: CodeSupply
  settings: PodSettings
  events: FunctionEvents
  limits: FleetLimits
  leadership: Leadership
  /** Resolves when no data plane will send the pod anything new. */
  drained: (podUid: string) => Promise<void>
  /** The function's uid while it and this revision of it exist. */
  existing: (key: ObjectKey, revision: string) => { uid: string } | undefined
  /** Undefined when the function is not known. */
  timeoutMsOf: (key: ObjectKey) => number | undefined
  /** What pods of this revision are made from; undefined when it does not serve. */
  servingTemplate: (key: ObjectKey, revision: string) => RevisionTemplate | undefined
}

export interface FleetLimits {
  /** How long a start waits for a pod to boot. */
  podTimeoutMs: number
  /** How long a pod has to say who it is. */
  healthTimeoutMs: number
  /** How often pods whose labels say generic are asked who they are. */
  resyncMs: number
  /** How long after a pod is ready the API is told (controller/after-wake.ts). */
  afterWakeMs: number
}

export const DEFAULT_FLEET_LIMITS: FleetLimits = {
  podTimeoutMs: 60_000,
  healthTimeoutMs: 2_000,
  resyncMs: 30_000,
  afterWakeMs: AFTER_WAKE_MS,
}

/** What pool/ sees of a pod that belongs to no function. */
export interface GenericPod {
  uid: string
  pool: ObjectKey
  template: string
  ready: boolean
  createdAtMs: number
}

export function toGenericPod(record: PodRecord): GenericPod {
  const { uid, template, stage, createdAtMs } = record
  return { uid, pool: poolKey(record), template, ready: stage === 'idle', createdAtMs }
}
