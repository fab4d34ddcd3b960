/** Why a pod does not run, from its status. Pure. */
import type { PodCommands } from './commands.ts'
import type { ContainerStatus, PlatformPod } from '../cluster/platform-kinds.ts'

export interface PodTrouble {
  /** Kubernetes' word: `ImagePullBackOff`, `Unschedulable`, `CrashLoopBackOff`, `OOMKilled`; `NotReady` when there is no other. */
  reason: string
  message: string
}

/** Undefined when it is ready, or is on its way and no older than `graceMs`. */
export function podTrouble(pod: PlatformPod, nowMs: number, graceMs: number): PodTrouble | undefined {
  const { metadata, status = {} } = pod
  const ready = status.conditions?.find(({ type }) => type === 'Ready')
  if (metadata.deletionTimestamp !== undefined || ready?.status === 'True') return undefined
  const named = containerTroubles(pod)[0] ?? unscheduled(pod) ?? failed(pod)
  if (named !== undefined) return named
  if (nowMs - Date.parse(metadata.creationTimestamp) <= graceMs) return undefined
  return { reason: 'NotReady', message: `it is ${status.phase ?? 'Pending'} and not ready` }
}

function unscheduled({ status }: PlatformPod): PodTrouble | undefined {
  const scheduled = status?.conditions?.find(({ type }) => type === 'PodScheduled')
  if (scheduled?.status !== 'False' || scheduled.reason === undefined) return undefined
  return { reason: scheduled.reason, message: scheduled.message ?? 'no node takes it' }
}

function failed({ status }: PlatformPod): PodTrouble | undefined {
  if (status?.phase !== 'Failed') return undefined
  return { reason: status.reason ?? 'Failed', message: status.message ?? 'it has ended' }
}

function containerTroubles({ status }: PlatformPod): PodTrouble[] {
  return (status?.containerStatuses ?? []).flatMap(
    (container) => waitingTrouble(container) ?? endedTrouble(container) ?? [],
  )
}

/** These pass by themselves. */
const ON_ITS_WAY = ['ContainerCreating', 'PodInitializing']

function waitingTrouble({ state, lastState }: ContainerStatus): PodTrouble | undefined {
  const { reason, message = reason } = state?.waiting ?? {}
  if (reason === undefined || ON_ITS_WAY.includes(reason)) return undefined
  const ended = lastState?.terminated
  const last = ended === undefined ? '' : `; it last ended with ${describeEnd(ended)}`
  return { reason, message: `${message ?? reason}${last}` }
}

function endedTrouble({ state, lastState }: ContainerStatus): PodTrouble | undefined {
  const ended = state?.terminated ?? lastState?.terminated
  if (ended === undefined) return undefined
  return { reason: ended.reason ?? 'Error', message: `its container ended with ${describeEnd(ended)}` }
}

function describeEnd({ exitCode, reason, message }: { exitCode: number; reason?: string; message?: string }): string {
  const words = message === undefined || message === '' ? '' : `: ${message.trim().split('\n').at(-1) ?? ''}`
  return `exit code ${exitCode}${reason === undefined ? '' : ` (${reason})`}${words}`
}

type Remedy = string | ((look: PodCommands) => string)

const REMEDIES: readonly (readonly [pattern: RegExp, remedy: Remedy])[] = [
  [
    /ImagePull|ErrImage|InvalidImageName/,
    'check the name of the image, and that the nodes reach its registry (imagePullSecrets)',
  ],
  [/no node has both/, 'correct the nodeSelector of the Function, or let it use another Runtime'],
  [
    /no node with \S+=|node affinity\/selector/,
    'label a node as its nodeSelector asks, make room on those that have the labels, or correct the nodeSelector',
  ],
  [
    /untolerated taint(?! \{node\.kubernetes\.io\/)/,
    'give it a toleration of the taint, make room on nodes without it, or take the taint from a node',
  ],
  [/Unschedulable|SchedulingGated|Insufficient|no node/, 'make room on the nodes, or lower the requests'],
  [/CreateContainerConfigError/, 'create the Secret or ConfigMap that it names'],
  [/OOMKilled/, 'raise its memory limit'],
  [
    /CrashLoopBackOff|Error|RunContainerError|StartError/,
    ({ log, describe }) => (log === undefined ? `look at it with ${describe}` : `read its log: ${log}`),
  ],
  [/service account .* does not exist/, 'create the ServiceAccount, or correct spec.serviceAccountName'],
  [/quota|exceeded/i, 'raise the quota of the namespace, or lower what its pods ask for'],
  [/PodSecurity|violates/i, 'let the namespace run pods of this kind, or change what they ask for'],
]

/** What to do about it, as far as the words tell; else, and for what the words do not tell, how to `look` at it. */
export function remedyFor({ reason, message }: PodTrouble, look: PodCommands): string {
  const found = REMEDIES.find(([pattern]) => pattern.test(reason) || pattern.test(message))
  const remedy = found?.[1] ?? (({ describe }: PodCommands) => `look at it with ${describe}`)
  return typeof remedy === 'string' ? remedy : remedy(look)
}
