/** Functions and Triggers that are not ready, by reason; Runtimes whose pods do not come up. Pure. */
import { LABEL } from '../../../api/names.ts'
import type { Condition, KubeObject } from '../../../api/object.ts'
import type { ClusterEvent } from '../../../kube/objects.ts'
import type { PlatformPod } from '../../cluster/platform-kinds.ts'
import { describeObject, podCommands } from '../commands.ts'
import { count, groupBy, some, type Finding } from '../finding.ts'
import { valueOf, type Observation } from '../observation.ts'
import { podTrouble, remedyFor, type PodTrouble } from '../pod-trouble.ts'
import { sentence } from './platform.ts'

type WithConditions = KubeObject & { status?: { observedGeneration?: number; conditions?: Condition[] } }

export interface NotReady {
  object: WithConditions
  reason: string
  message: string
}

/** `describe`: a command that shows the first of them. */
const REMEDIES: Record<string, string | ((describe: string) => string)> = {
  RuntimeNotFound: 'Correct spec.runtime, or create the Runtime: `dormouse get rt` lists those there are.',
  CodeLoadFailed: (describe) => `Correct the code: ${describe} names file and line.`,
  StartFailed: (describe) => `See why with ${describe}: what its pods need is not there.`,
  PodsEnd: (describe) => `See how with ${describe}, and what they were doing with \`dormouse logs\`.`,
  FunctionNotFound: 'Apply the Function, or correct spec.function.',
  Conflicted: 'Change its route, or delete the Trigger that has it.',
  InvalidSchedule: 'Correct spec.cron.schedule.',
  NoKafka: 'Install with kafka.brokers (docs/installing.md), or delete the Trigger.',
  NotObserved: 'See that a controller leads: nobody has looked at them yet.',
}

/** A controller looks within seconds. */
const GRACE_MS = 30_000

export function notReady(objects: readonly WithConditions[], nowMs: number): NotReady[] {
  return objects
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .flatMap((object) => {
      const ready = object.status?.conditions?.find(({ type }) => type === 'Ready')
      if (ready?.status === 'False') return [{ object, reason: ready.reason, message: ready.message }]
      const why = ready?.status === 'True' ? undefined : whyUndecided(object, ready, nowMs)
      return why === undefined ? [] : [{ object, ...why }]
    })
}

function whyUndecided({ metadata }: WithConditions, ready: Condition | undefined, nowMs: number) {
  const sinceMs = Date.parse(ready?.lastTransitionTime ?? metadata.creationTimestamp)
  if (nowMs - sinceMs <= GRACE_MS) return undefined
  return ready ?? { reason: 'NotObserved', message: 'It has no status.' }
}

export function checkWorkloads(observation: Observation): Finding[] {
  const { functions, triggers, nowMs } = observation
  return [
    ...readinessFindings(observation, notReady(valueOf(functions) ?? [], nowMs), 'Function'),
    ...readinessFindings(observation, notReady(valueOf(triggers) ?? [], nowMs), 'Trigger'),
    ...runtimeFindings(observation),
    ...podFindings(observation),
    ...warningFindings(observation),
  ]
}

function readinessFindings(observation: Observation, all: readonly NotReady[], noun: string): Finding[] {
  return [...groupBy(all, ({ reason }) => reason)].map(([reason, group]) => {
    const names = group.map(({ object: { metadata } }) => `${metadata.namespace ?? ''}/${metadata.name}`)
    const [first] = group
    const verb = group.length === 1 ? 'is' : 'are'
    const { namespace, name = '' } = first?.object.metadata ?? {}
    const describe = describeObject(observation, { kind: noun.toLowerCase(), namespace, name })
    const remedy = REMEDIES[reason] ?? `See ${describe}.`
    return {
      subject: `${noun.toLowerCase()}s`,
      problem: `${count(group.length, noun)} ${verb} not ready (${reason}): ${some(names)}. ${first?.message ?? ''}`,
      remedy: typeof remedy === 'string' ? remedy : remedy(describe),
    }
  })
}

function runtimeFindings({ runtimes, functions }: Observation): Finding[] {
  const known = valueOf(runtimes)
  if (known === undefined || known.length > 0 || valueOf(functions)?.length === 0) return []
  const problem = 'There is none: no Function that names one can run.'
  return [
    { subject: 'runtimes', problem, remedy: 'Let the chart make them (runtimes.node.enabled), or apply your own.' },
  ]
}

interface Troubled {
  pod: PlatformPod
  trouble: PodTrouble
}

function podFindings(observation: Observation): Finding[] {
  const { functionPods, nowMs } = observation
  const troubled = (valueOf(functionPods) ?? []).flatMap((pod): Troubled[] => {
    const trouble = podTrouble(pod, nowMs, GRACE_MS)
    return trouble === undefined ? [] : [{ pod, trouble }]
  })
  return [...groupBy(troubled, ({ pod, trouble }) => `${ownerOf(pod)}: ${trouble.reason}`)].map(([key, group]) => {
    const [subject = ''] = key.split(': ')
    const [first] = group
    const trouble = first?.trouble ?? { reason: '', message: '' }
    const look = first === undefined ? { describe: '' } : podCommands(observation, first.pod)
    const names = group.map(({ pod: { metadata } }) => `${metadata.namespace ?? ''}/${metadata.name}`)
    const verb = group.length === 1 ? 'does' : 'do'
    const problem = `${count(group.length, 'pod')} ${verb} not come up (${trouble.reason}): ${some(names)}: ${trouble.message}`
    return { subject, problem: sentence(problem), remedy: sentence(remedyFor(trouble, look)) }
  })
}

function ownerOf({ metadata }: PlatformPod): string {
  const { [LABEL.function]: fn, [LABEL.runtime]: runtime, [LABEL.own]: own } = metadata.labels ?? {}
  // A pod of its own stays away for what its Function asks for: a Secret, a node.
  if (runtime !== undefined && own === undefined) return `runtime ${runtime}`
  return fn === undefined ? 'pods' : `function ${metadata.namespace ?? ''}/${fn}`
}

/** Pods that were never created leave no pod to look at, only what the controller said: quota, pod security. */
const SAID_OF_PODS = ['PoolBackOff', 'CannotWake']
const RECENT_MS = 10 * 60_000

function warningFindings(observation: Observation): Finding[] {
  const { warnings, nowMs } = observation
  const recent = (valueOf(warnings) ?? []).filter(
    (warning) =>
      SAID_OF_PODS.includes(warning.reason) &&
      nowMs - Date.parse(warning.lastTimestamp) < RECENT_MS &&
      !isOver(observation, warning),
  )
  return [...groupBy(recent, ({ reason, message }) => `${reason}: ${message}`).values()].map((group) => {
    const [first] = group
    const { reason = '', message = '' } = first ?? {}
    const { namespace, name = '' } = first?.involvedObject ?? {}
    const describe = describeObject(observation, { kind: 'function', namespace, name })
    const names = [...new Set(group.map(({ involvedObject: it }) => `${it.namespace ?? ''}/${it.name}`))]
    const problem = sentence(`said of ${some(names)} in the last ten minutes (${reason}): ${message}`)
    return { subject: 'pods', problem, remedy: sentence(remedyFor({ reason, message }, { describe })) }
  })
}

/** Its Function is gone, or has woken since. */
function isOver({ functions }: Observation, { reason, involvedObject }: ClusterEvent): boolean {
  if (functions.kind === 'hidden') return false
  const about = functions.value.find(({ metadata }) => metadata.uid === involvedObject.uid)
  return about === undefined || (reason === 'CannotWake' && (about.status?.readyPods ?? 0) > 0)
}
