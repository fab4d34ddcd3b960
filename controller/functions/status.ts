/**
 * Status of a Function. Pure. Reasons are part of the API:
 *
 *   condition | status  | reason          | means, and what to do at three in the morning
 *   ----------|---------|-----------------|-----------------------------------------------------------------------------
 *   Ready     | True    | Running         | the spec's revision serves and has ready pods
 *   Ready     | True    | Starting        | … and is being woken
 *   Ready     | True    | Asleep          | … and has no pods because nobody calls; the next call wakes it
 *   Ready     | True    | NotLoadedYet    | … and has no pods, and its code was never loaded: many were applied at once; the first call tells
 *   Ready     | Unknown | Verifying       | first revision: takes calls already, its code is being loaded for the first time
 *   Ready     | Unknown | RollingOut      | a changed revision is being brought up, the old one takes the calls
 *   Ready     | False   | CodeLoadFailed  | the user's code does not load (message: error, file:line); fix it and apply. Not tried again
 *             |         |                 | until the spec or its Runtime changes
 *   Ready     | Unknown | FetchingCode    | the code that spec.code refers to is being fetched
 *   Ready     | False   | CodeUnavailable | … cannot be had: no such ConfigMap, an archive that does not come or is not what its sha256 says
 *             |         |                 | (message: which and why); tried again, at once when the ConfigMap changes
 *   Ready     | False   | RuntimeNotFound | spec.runtime names a Runtime that does not exist; goes away by itself when it is created
 *   Ready     | False   | StartFailed     | pods do not come up (message: why); the platform's or the cluster's trouble, tried again
 *             |         |                 | with growing waits up to a minute
 *   Ready     | False   | PodsEnd         | pods come up and end at once (message: how), by what they are called with as a rule; others are started
 *   Serving   | True    | RevisionServes  | some revision, named in the message, can take calls: whatever Ready says, callers are fine
 *   Serving   | False   | CodeLoadFailed, CodeUnavailable, FetchingCode, RuntimeNotFound: nothing can take calls, and why
 *   RolledOut | True    | UpToDate        | the revision that takes calls is the one the spec asks for
 *   RolledOut | False   | RollingOut, CodeLoadFailed, CodeUnavailable, FetchingCode, RuntimeNotFound, StartFailed, PodsEnd: the spec's revision takes
 *             |         | no calls yet, and why
 *   Named     | True    | ServiceExists   | http://<name>.<namespace> reaches it; only where Services are made
 *   Named     | False   | NameTaken       | a Service of its name is somebody else's and was left alone: it answers there
 *   Named     | False   | NameInvalid     | Kubernetes takes no Service of its name, such as one that begins with a digit; status.url reaches it
 */
import type { FunctionStatus } from '../../api/function.ts'
import { setCondition } from '../../kube/conditions.ts'
import type { ConditionInput } from '../../kube/conditions.ts'
import type { StartFailure } from './function-memory.ts'
import type { FunctionObservation } from './observe.ts'
import { canNameService } from '../services/resources.ts'
import { isProven, podsOf, readyPods, wantedPods } from './rollout.ts'
import { NOT_LOADED_YET } from './fate.ts'
import type { Rollout } from './rollout.ts'

type Said = Pick<ConditionInput, 'status' | 'reason' | 'message'>

/** By what addresses functions are reached. */
export interface AddressRules {
  /** Of gateways' internal listener. */
  internalBaseUrl?: string | undefined
  /** Each gets a Service of its name, unless that is taken. */
  makesServices: boolean
}

export interface StatusInput {
  seen: FunctionObservation
  rollout: Rollout
  address: AddressRules
}

/** `current` is what it says now; equal parts of it are given back as they are. */
export function statusOf({ seen, rollout, address }: StatusInput, current: FunctionStatus | undefined): FunctionStatus {
  const { generation } = seen.function.metadata
  const observed = generation === undefined ? {} : { observedGeneration: generation }
  const said = {
    Ready: ready(seen, rollout),
    Serving: serves(rollout),
    RolledOut: rolledOut(seen, rollout),
    ...named(seen),
  }
  let conditions = current?.conditions
  for (const [type, what] of Object.entries(said))
    conditions = setCondition(conditions, { type, ...what, ...observed }, seen.wallMs)
  return {
    ...observed,
    ...(rollout.serving && { revision: rollout.serving.revision }),
    pods: seen.pods.length,
    readyPods: rollout.serving ? readyPods(rollout.serving, seen).length : 0,
    url: urlOf(seen, address),
    conditions: conditions ?? [],
  }
}

/** Its own name, from the first status on: that the Service is made a moment later is no reason to tell another address first. */
function urlOf({ function: { metadata }, service }: FunctionObservation, address: AddressRules): string {
  const { name, namespace = '' } = metadata
  const { internalBaseUrl, makesServices } = address
  const isNamed = makesServices && (service ?? 'named') === 'named'
  return isNamed || internalBaseUrl === undefined
    ? `http://${name}.${namespace}`
    : `${internalBaseUrl}/fn/${namespace}/${name}`
}

function ready(seen: FunctionObservation, rollout: Rollout): Said {
  const { stage, serving } = rollout
  const trouble = troubleOf(seen, rollout)
  if (trouble) return trouble
  const { revision } = seen.target
  if (stage.kind === 'code-pending') return { status: 'Unknown', reason: reasonOf(stage), message: `${stage.message}.` }
  if (stage.kind === 'rolling-out')
    return { status: 'Unknown', reason: 'RollingOut', message: rollingOut(revision, serving?.revision) }
  if (stage.kind === 'verifying')
    return {
      status: 'Unknown',
      reason: 'Verifying',
      message: `Revision ${revision} is being loaded for the first time.`,
    }
  if (readyPods(seen.target, seen).length > 0)
    return { status: 'True', reason: 'Running', message: `Pods of revision ${revision} answer.` }
  if (podsOf(seen.target, seen) > 0)
    return { status: 'True', reason: 'Starting', message: `Pods of revision ${revision} are starting.` }
  if (!isProven(seen.target, seen) && seen.verifyFirstRevision)
    return { status: 'True', reason: NOT_LOADED_YET, message: 'No pod has run yet; the first call loads its code.' }
  return { status: 'True', reason: 'Asleep', message: 'No pod runs; the next call starts one.' }
}

function serves({ serving, stage }: Rollout): Said {
  if (serving) return { status: 'True', reason: 'RevisionServes', message: `Revision ${serving.revision} takes calls.` }
  const message = 'message' in stage ? `${stage.message}.` : 'No revision can run.'
  return { status: 'False', reason: reasonOf(stage), message }
}

function rolledOut(seen: FunctionObservation, rollout: Rollout): Said {
  const { revision } = seen.target
  const { stage } = rollout
  if (stage.kind === 'code-pending') return { status: 'False', reason: reasonOf(stage), message: `${stage.message}.` }
  if (stage.kind !== 'code-unavailable' && rollout.serving?.revision === revision)
    return { status: 'True', reason: 'UpToDate', message: `Revision ${revision} is the latest and takes calls.` }
  const trouble = troubleOf(seen, rollout)
  if (trouble) return trouble
  return { status: 'False', reason: 'RollingOut', message: rollingOut(revision, rollout.serving?.revision) }
}

const FAILURES: Record<StartFailure['kind'], { reason: string; what: (revision: string) => string }> = {
  start: { reason: 'StartFailed', what: (revision) => `No pod of revision ${revision} comes up` },
  ended: { reason: 'PodsEnd', what: (revision) => `Pods of revision ${revision} end right after they were ready` },
}

/** What keeps the spec's revision from running. */
function troubleOf(seen: FunctionObservation, { stage }: Rollout): Said | undefined {
  if (stage.kind === 'code-pending') return undefined
  if ('message' in stage) return { status: 'False', reason: reasonOf(stage), message: `${stage.message}.` }
  const failure = seen.failures.get(seen.target.revision)
  // Nobody wants a pod of a proven revision that sleeps: whether one would come up now is not known.
  const isWanted = stage.kind !== 'serves' || wantedPods(seen.target, seen) > 0
  if (!failure || !isWanted || readyPods(seen.target, seen).length > 0) return undefined
  const { reason, what } = FAILURES[failure.kind]
  return { status: 'False', reason, message: `${what(seen.target.revision)}: ${failure.message}. It is tried again.` }
}

function named({ service, function: { metadata } }: FunctionObservation): Record<string, Said> {
  if (service === undefined) return {}
  const host = `http://${metadata.name}.${metadata.namespace ?? ''}`
  if (service === 'named')
    return { Named: { status: 'True', reason: 'ServiceExists', message: `${host} reaches it inside the cluster.` } }
  if (service === 'invalid')
    return { Named: { status: 'False', reason: 'NameInvalid', message: unnamed(metadata.name) } }
  const message = `A Service named ${metadata.name} is not Dormouse's and was left alone: ${host} reaches that.`
  return { Named: { status: 'False', reason: 'NameTaken', message } }
}

function unnamed(name: string): string {
  const why = canNameService(name) ? "the controller's log says why" : 'their names begin with a letter'
  return `Kubernetes takes no Service named ${name}, ${why}: it is reached at status.url.`
}

const REASONS: Partial<Record<Rollout['stage']['kind'], string>> = {
  'runtime-missing': 'RuntimeNotFound',
  'code-unavailable': 'CodeUnavailable',
  'code-pending': 'FetchingCode',
}
const reasonOf = ({ kind }: Rollout['stage']) => REASONS[kind] ?? 'CodeLoadFailed'

const rollingOut = (revision: string, old: string | undefined) =>
  `Revision ${revision} is being brought up; ${old === undefined ? 'none' : `revision ${old}`} takes calls until it is ready.`
