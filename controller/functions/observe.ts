/** Gathers everything a decision about one Function needs, as plain data. Reads caches and memory only: costs no API call. */
import { durationMs } from '../../api/duration.ts'
import type { Destination, DormouseFunction } from '../../api/function.ts'
import { DEFAULT_NAMESPACE, keyOf, objectKey, type ObjectKey } from '../../api/names.ts'
import type { FeedAsync, FeedDestination } from '../../api/protocol.ts'
import type { Runtime } from '../../api/runtime.ts'
import { backoffMsOf } from '../../api/trigger-events.ts'
import type { Cache } from '../../kube/cluster.ts'
import { getCondition } from '../../kube/conditions.ts'
import type { ControllerRevision } from '../../kube/objects.ts'
import { inFlightByPod } from '../autoscaler/load.ts'
import type { LoadSource } from '../autoscaler/load.ts'
import type { DesiredBook } from '../autoscaler/desired.ts'
import type { Code, CodeBook, CodeState } from '../code/code-book.ts'
import { sourceIdentity, sourceOf, type CodeSource } from '../code/code-source.ts'
import type { Fleet, FleetPod, RevisionTemplate } from '../fleet/fleet.ts'
import { NOT_LOADED_YET, UNKNOWN_FATE, runtimeIdentity } from './fate.ts'
import type { Fate } from './fate.ts'
import { isOwnedBy } from '../ownership.ts'
import type { ServiceBook, ServiceState } from '../services/service-book.ts'
import type { FunctionMemory, StartFailure } from './function-memory.ts'
import { revisionLabels, type StoredRevision } from './revision-record.ts'
import type { Serving, ServingBook } from './serving.ts'

const FETCHING = 'The code is being fetched'
/**
 * A new Function whose turn to be loaded has not come by then serves without: of a thousand that are applied together each would need a pod, for
 * minutes, on nodes that have no room for so many.
 */
const FIRST_LOAD_PATIENCE_MS = 10_000

export interface FunctionObservation {
  nowMs: number
  /** The time of day, for conditions. */
  wallMs: number
  key: ObjectKey
  function: DormouseFunction
  /** What the spec asks for. */
  target: RevisionTemplate
  /** Of the code that the spec refers to; absent when it is in the Function or its image. */
  code?: CodeState
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
  /** A first revision is loaded once before it is Ready. */
  verifyFirstRevision: boolean
  /** When it waits for its turn no longer. */
  letGoAtMs: number
}

export interface ObservedWorld {
  functions: Cache<DormouseFunction>
  revisions: Cache<ControllerRevision>
  runtimes: Cache<Runtime>
  fleet: Pick<Fleet, 'pods' | 'pendingStarts'>
  serving: ServingBook
  desired: DesiredBook
  names?: Pick<ServiceBook, 'get'>
  code?: Pick<CodeBook, 'get'>
  loadReports?: LoadSource
  verifyFirstRevision: boolean
  /** Whether what this process remembers counts: else the leader's decisions do, as the status tells them. */
  leads: boolean
  /** New Functions come in great numbers just now. */
  isCrowd: boolean
  nowMs: number
  wallMs: number
}

/** Throws RangeError when the spec holds values its schema would have refused. Updates what `memory` saw. */
export function observe(fn: DormouseFunction, memory: FunctionMemory, world: ObservedWorld): FunctionObservation {
  const { fleet, nowMs, verifyFirstRevision, leads, isCrowd } = world
  const { key } = memory
  const stored = storedRevisions(fn, memory, world.revisions)
  for (const { template } of stored) memory.stored.add(template.revision)
  const { code, target } = targetOf(fn, memory, { ...world, stored })
  const known = fleet.pods(key)
  const pods = known.filter(({ phase }) => phase !== 'leaving')
  if (leads) memory.see(known, nowMs)
  const servingRevision = leads ? knownServing(fn, world.serving, key) : fn.status?.revision
  const matters = [...stored.map(({ template }) => template.revision), target.revision, servingRevision ?? '']
  memory.keepOnly(new Set(matters))
  return {
    nowMs,
    wallMs: world.wallMs,
    key,
    function: fn,
    target: memory.dated(target, stored, world.wallMs),
    ...(code && { code }),
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
    letGoAtMs: letGoAtMs(fn, memory, { target, nowMs, patienceMs: isCrowd ? 0 : FIRST_LOAD_PATIENCE_MS }),
    ...(servingRevision !== undefined && { servingRevision }),
    ...bookEntries(key, world),
  }
}

/**
 * Of an archive what pods are made from is known before it is fetched, and that it was once when such a revision is stored. Who does not lead
 * fetches nothing and believes what the leader said.
 */
function targetOf(
  fn: DormouseFunction,
  memory: FunctionMemory,
  { code: book, stored, leads }: Pick<ObservedWorld, 'code' | 'leads'> & { stored: readonly StoredRevision[] },
): { code?: CodeState; target: RevisionTemplate } {
  const source = sourceOf(fn)
  if (source === undefined) return { target: memory.targetOf(fn) }
  if (source.kind === 'archive') {
    const code: Code = { kind: 'stored', digest: source.sha256 }
    const target = memory.targetOf(fn, code)
    if (stored.some(({ template }) => template.revision === target.revision)) return { target }
    return { code: leads ? knownCode(fn, source, book) : toldCode(fn), target }
  }
  const code = leads ? knownCode(fn, source, book) : toldCode(fn)
  return { code, target: memory.targetOf(fn, code.kind === 'ready' ? code.code : undefined) }
}

function knownCode({ metadata }: DormouseFunction, source: CodeSource, book: ObservedWorld['code']): CodeState {
  const entry = book?.get(keyOf(metadata))
  const isAbout = entry?.uid === metadata.uid && entry.source === sourceIdentity(source)
  return isAbout ? entry.state : { kind: 'pending', message: FETCHING }
}

function toldCode({ status }: DormouseFunction): CodeState {
  const serving = getCondition(status?.conditions, 'Serving')
  const isUnavailable = serving?.status === 'False' && serving.reason === 'CodeUnavailable'
  if (!isUnavailable) return { kind: 'pending', message: FETCHING }
  return { kind: 'unavailable', message: serving.message.replace(/\.$/, '') }
}

/** Once let go it stays so: what a new leader does must not depend on when it began to lead. */
function letGoAtMs({ status }: DormouseFunction, memory: FunctionMemory, turn: FirstTurn): number {
  const { revision } = turn.target
  const isLetGo = getCondition(status?.conditions, 'Ready')?.reason === NOT_LOADED_YET
  const atMs = memory.patientUntilMs(revision, turn.nowMs + turn.patienceMs)
  return isLetGo && status?.revision === revision ? -Infinity : atMs
}

interface FirstTurn extends Pick<FunctionObservation, 'target' | 'nowMs'> {
  patienceMs: number
}

/** What the other parts' books say of it, where they do. */
function bookEntries(
  key: ObjectKey,
  world: ObservedWorld,
): Pick<FunctionObservation, 'publishedRevision' | 'desired' | 'service'> {
  const publishedRevision = world.serving.get(key)?.template?.revision
  const desired = world.desired.get(key)
  const service = world.names?.get(key)
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
  return (
    revisions
      .list({ namespace, labels: revisionLabels(name) })
      .filter((revision) => isOwnedBy(revision, uid))
      .flatMap((revision) => memory.storedOf(revision) ?? [])
      // Pods are made in the namespace that a record names: it must be that of its Function.
      .filter(({ template }) => isOf(template, { namespace, name, uid }))
      .sort((a, b) => b.number - a.number)
  )
}

function isOf({ function: of }: RevisionTemplate, fn: RevisionTemplate['function']): boolean {
  return of.namespace === fn.namespace && of.name === fn.name && of.uid === fn.uid
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
  const ready = getCondition(fn.status?.conditions, 'Ready')
  const wasReady = ready?.status === 'True' && ready.reason !== NOT_LOADED_YET
  return wasReady && fn.status?.revision === revision ? { kind: 'loads' } : UNKNOWN_FATE
}
