/** What the functions controller is put together from. */
import type { DormouseFunction } from '../../api/function.ts'
import type { Runtime } from '../../api/runtime.ts'
import type { Cache, Cluster } from '../../kube/cluster.ts'
import type { ControlLoopMetrics } from '../../kube/control-loop.ts'
import type { ControllerRevision } from '../../kube/objects.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Logger } from '../../lib/logger.ts'
import type { Metrics } from '../../lib/metrics.ts'
import type { DesiredBook } from '../autoscaler/desired.ts'
import type { LoadSource } from '../autoscaler/load.ts'
import type { CodeBook } from '../code/code-book.ts'
import type { CodeStore } from '../code/code-store.ts'
import type { Fleet } from '../fleet/fleet.ts'
import type { Leadership } from '../leadership.ts'
import type { ServiceBook } from '../services/service-book.ts'
import type { ServingBook } from './serving.ts'

export interface FunctionsControllerConfig {
  /** Load a new Function's code at once, so that a mistake shows before the first call. */
  verifyFirstRevision: boolean
  /** Unproven revisions loaded at the same time; default 2. */
  verifyConcurrency?: number
  /** How long after a pod is ready a status that tells of nothing else is written; default: controller/after-wake.ts. */
  afterWakeMs?: number
  /** Where gateways' internal listener is reachable. */
  internalBaseUrl?: string
}

export interface FunctionsControllerOptions {
  cluster: Pick<Cluster, 'create' | 'get' | 'patch' | 'patchStatus' | 'delete' | 'recordEvent'>
  functions: Cache<DormouseFunction>
  revisions: Cache<ControllerRevision>
  runtimes: Cache<Runtime>
  fleet: Fleet
  serving: ServingBook
  desired: DesiredBook
  /** Where Functions get Services; absent where they do not. */
  names?: Pick<ServiceBook, 'get' | 'onChange'>
  /** Code that Functions refer to; without it such Functions wait for ever. */
  code?: Pick<CodeBook, 'get' | 'onChange'>
  codeStore?: Pick<CodeStore, 'remove'>
  /** For choosing victims; without it all pods count as idle. */
  loadReports?: LoadSource
  config: FunctionsControllerConfig
  clock: Clock
  /** Of the times in conditions; default: that clock. */
  wall?: Clock
  logger: Logger
  metrics: Metrics
  loopMetrics?: ControlLoopMetrics
  /** Default: it leads. */
  leadership?: Leadership
}
