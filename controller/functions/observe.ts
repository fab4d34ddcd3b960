/** Gathers everything a decision about one Function needs, as plain data. Reads caches and memory only: costs no API call. */
import { durationMs } from '../../api/duration.ts'
import type { Destination, DormouseFunction } from '../../api/function.ts'
import { DEFAULT_NAMESPACE, objectKey, type ObjectKey } from '../../api/names.ts'
import type { FeedAsync, FeedDestination } from '../../api/protocol.ts'
import type { Runtime } from '../../api/runtime.ts'
import { backoffMsOf } from '../../api/trigger-events.ts'
import type { Cache } from '../../kube/cluster.ts'
import { getCondition } from '../../kube/conditions.ts'
import type { ControllerRevision } from '../../kube/objects.ts'
import { inFlightByPod } from '../autoscaler/load.ts'
import type { LoadSource } from '../autoscaler/load.ts'
import type { DesiredBook } from '../autoscaler/desired.ts'
import type { Fleet, FleetPod, RevisionTemplate } from '../fleet/fleet.ts'
import { UNKNOWN_FATE, runtimeIdentity } from './fate.ts'
import type { Fate } from './fate.ts'
import type { ServiceBook, ServiceState } from '../services/service-book.ts'
import type { FunctionMemory, StartFailure } from './function-memory.ts'
import { revisionLabels } from './revision-record.ts'
import type { StoredRevision } from './revision-record.ts'
import type { Serving, ServingBook } from './serving.ts'

export interface FunctionObservation {
  nowMs: number
  key: ObjectKey
  function: DormouseFunction
  /** What the spec asks for. */
  target: RevisionTemplate
  scaling: Serving['scaling']
  async?: FeedAsync
  /** Newest first. */
  stored: readonly StoredRevision[]
  /** The revision that takes traffic so far. */
  servingRevision?: string
  /** What data planes were told last. */
  publishedRevision?: string
  /** Identities of Runtimes by name. */
  runtimes: ReadonlyMap<string, string>
  fates: ReadonlyMap<string, Fate>
  failures: ReadonlyMap<string, StartFailure>
  /** Without those that are leaving. */
  pods: readonly FleetPod[]
  pendingStarts: (revision: string) => number
  /** Requests running by pod uid. */
  inFlight: ReadonlyMap<string, number>
  /** Undefined: not decided yet, keep what there is. */
  desired?: number
  /** Of its Service, where such are made. */
  service?: ServiceState
  verifyFirstRevision: boolean
}

export interface ObservedWorld {
  functions: Cache<DormouseFunction>
  revisions: Cache<ControllerRevision>
  runtimes: Cache<Runtime>
  fleet: Pick<Fleet, 'pods' | 'pendingStarts'>
  serving: ServingBook
  desired: DesiredBook
  services?: Pick<ServiceBook, 'get'>
  loadReports?: LoadSource
  verifyFirstRevision: boolean
  /** Whether what this process remembers counts: else the leader's decisions do, as the status tells them. */
  leads: boolean
  nowMs: number
}

/** Throws RangeError when the spec holds values its schema would have refused. Updates what `memory` saw. */
export function observe(fn: DormouseFunction, memory: FunctionMemory, world: ObservedWorld): FunctionObservation {
  const { fleet, nowMs, verifyFirstRevision, leads } = world
  const { key } = memory
  const target = memory.targetOf(fn)
  const stored = storedRevisions(fn, memory, world.revisions)
  const known = fleet.pods(key)
  const pods = known.filter(({ phase }) => phase !== 'leaving')
  if (leads) memory.see(known, nowMs)
  const servingRevision = leads ? knownServing(fn, world.serving, key) : fn.status?.revision
  const matters = [...stored.map(({ template }) => template.revision), target.revision, servingRevision ?? '']
  memory.keepOnly(new Set(matters))
  return {
    nowMs,
    key,
    function: fn,
    target,
    scaling: scalingOf(fn),
    async: asyncOf(fn),
    stored,
    runtimes: new Map(world.runtimes.list().map((runtime) => [runtime.metadata.name, runtimeIdentity(runtime)])),
    fates: new Map(matters.map((revision) => [revision, fateOf(revision, { fn, memory, stored })])),
    failures: new Map(memory.failures),
    pods,
    pendingStarts: (revision) => fleet.pendingStarts(key, revision),
    inFlight: pods.length > 1 && world.loadReports ? inFlightByPod(world.loadReports.fresh(), key) : new Map(),
    verifyFirstRevision,
    ...(servingRevision !== undefined && { servingRevision }),
    ...bookEntries(key, world),
  }
}

/** What the other parts' books say of it, where they do. */
function bookEntries(
  key: ObjectKey,
  world: ObservedWorld,
): Pick<FunctionObservation, 'publishedRevision' | 'desired' | 'service'> {
  const publishedRevision = world.serving.get(key)?.template?.revision
  const desired = world.desired.get(key)
  const service = world.services?.get(key)
  return {
    ...(publishedRevision !== undefined && { publishedRevision }),
    ...(desired !== undefined && { desired }),
    ...(service !== undefined && { service }),
  }
}

function scalingOf({ spec: { scaling } }: DormouseFunction): Serving['scaling'] {
  const { min, max, target, idleAfter, maxPodAge } = scaling
  return { min, max, target, idleAfterMs: durationMs(idleAfter), maxPodAgeMs: durationMs(maxPodAge) }
}

function asyncOf({ metadata: { namespace = DEFAULT_NAMESPACE }, spec }: DormouseFunction): FeedAsync {
  const { maxAttempts, maxAge, backoff, onSuccess, onFailure } = spec.async
  return {
    maxAttempts,
    maxAgeMs: durationMs(maxAge),
    backoff: backoffMsOf(backoff),
    ...(onSuccess && { onSuccess: destinationOf(onSuccess, namespace) }),
    ...(onFailure && { onFailure: destinationOf(onFailure, namespace) }),
  }
}

function destinationOf({ function: name, topic, url = '' }: Destination, namespace: string): FeedDestination {
  if (name !== undefined) return { function: objectKey(namespace, name) }
  return topic === undefined ? { url } : { topic }
}

function storedRevisions(
  { metadata }: DormouseFunction,
  memory: FunctionMemory,
  revisions: Cache<ControllerRevision>,
): StoredRevision[] {
  const { namespace = '', name, uid } = metadata
  return revisions
    .list({ namespace, labels: revisionLabels(name) })
    .filter((revision) => revision.metadata.ownerReferences?.some((owner) => owner.uid === uid))
    .flatMap((revision) => memory.storedOf(revision) ?? [])
    .sort((a, b) => b.number - a.number)
}

/** The book knows since this process first looked at the Function; before that, the status does. */
function knownServing({ metadata, status }: DormouseFunction, book: ServingBook, key: ObjectKey): string | undefined {
  const entry = book.get(key)
  return entry?.uid === metadata.uid ? entry.template?.revision : status?.revision
}

interface FateSources {
  fn: DormouseFunction
  memory: FunctionMemory
  stored: readonly StoredRevision[]
}

/** Seen in this process, else written on the ControllerRevision, else said by the status: a Function that was Ready is not loaded again. */
function fateOf(revision: string, { fn, memory, stored }: FateSources): Fate {
  const seen = memory.fates.get(revision)
  if (seen) return seen
  const broken = stored.find(({ template }) => template.revision === revision)?.broken
  if (broken) return broken
  const wasReady = getCondition(fn.status?.conditions, 'Ready')?.status === 'True'
  return wasReady && fn.status?.revision === revision ? { kind: 'loads' } : UNKNOWN_FATE
}
