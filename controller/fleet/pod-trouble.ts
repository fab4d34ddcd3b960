/** Pure: why a pod does not come up, and why the API refused to create one, in one clause for the people who wrote the Function. */
import { functionContainerStatus } from '../../api/function-container.ts'
import { isNamespaceEnding } from '../../kube/errors.ts'
import type { ContainerStatus, Pod } from '../../kube/objects.ts'
import { PodStartError } from './fleet.ts'
import { errorText } from '../../lib/error-text.ts'

/**
 * stuck: it may yet come up as it is, when there is room · cannot-run: its image or its configuration is wrong, and making another costs
 * less than waiting until the kubelet tries again.
 */
export interface PodTrouble {
  kind: 'stuck' | 'cannot-run'
  message: string
}

const IMAGE_REASONS = new Set(['ErrImagePull', 'ImagePullBackOff', 'InvalidImageName', 'ErrImageNeverPull'])
const START_REASONS = new Set(['CreateContainerError', 'RunContainerError'])
const LONGEST_DETAIL = 500

/** Undefined while there is nothing wrong with a pod on its way up. */
export function podTrouble(pod: Pod): PodTrouble | undefined {
  const unschedulable = pod.status?.conditions?.find(
    ({ type, status, reason }) => type === 'PodScheduled' && status === 'False' && reason === 'Unschedulable',
  )
  if (unschedulable)
    return { kind: 'stuck', message: `${noRoom(pod, unschedulable.message)}${detail(unschedulable.message)}` }
  for (const container of [functionContainerStatus(pod), ...othersOf(pod)]) {
    const waiting = container?.state?.waiting
    const message = container && waiting && waitingTrouble(waiting, wordsFor(container, pod))
    if (message !== undefined) return { kind: 'cannot-run', message }
  }
  return undefined
}

/** True of any pod that waits for a node; which nodes come into question comes first, as it is what users can change. */
function noRoom({ spec: { nodeSelector = {} } }: Pod, message = ''): string {
  const labels = Object.entries(nodeSelector).map(([key, value]) => `${key}=${value}`)
  const labelled = labels.length === 0 ? '' : ` with ${labels.join(', ')}`
  const tolerated = message.includes('untolerated taint') ? ' whose taints it tolerates' : ''
  return `no node${labelled}${tolerated} has room for it`
}

/** Those that admission webhooks have added. */
function othersOf(pod: Pod): ContainerStatus[] {
  const ours = functionContainerStatus(pod)
  const { initContainerStatuses = [], containerStatuses = [] } = pod.status ?? {}
  return [...initContainerStatuses, ...containerStatuses].filter((each) => each !== ours)
}

function wordsFor(container: ContainerStatus, pod: Pod): { image: string; container: string } {
  const { name } = container
  const { containers, initContainers = [] } = pod.spec
  const image = [...containers, ...initContainers].find((each) => each.name === name)?.image ?? ''
  if (container === functionContainerStatus(pod)) return { image: `its image ${image}`, container: 'its container' }
  return { image: `the image ${image} of its container ${name}`, container: `its container ${name}` }
}

function waitingTrouble(
  { reason = '', message }: { reason?: string; message?: string },
  { image, container }: { image: string; container: string },
): string | undefined {
  if (IMAGE_REASONS.has(reason)) return `${image} cannot be pulled${detail(message)}`
  if (reason === 'CreateContainerConfigError') return `${container} cannot be configured${detail(message)}`
  return START_REASONS.has(reason) ? `${container} cannot be started${detail(message)}` : undefined
}

function detail(message: string | undefined): string {
  if (message === undefined || message === '') return ''
  // It becomes part of a sentence of ours.
  const line = message.replace(/\s+/g, ' ').trim().replace(/\.$/, '')
  return `: ${line.length > LONGEST_DETAIL ? `${line.slice(0, LONGEST_DETAIL)}…` : line}`
}

/** Why the kubelet will never give a pod the resources that were asked for it; that it has to wait for them is no refusal. */
export function resizeRefusal({ status }: Pod): string | undefined {
  const pending = status?.conditions?.find(({ type, status }) => type === 'PodResizePending' && status === 'True')
  return pending?.reason === 'Infeasible' ? `its node cannot${detail(pending.message)}` : undefined
}

/** What a create was refused with. `ending`: the namespace is being deleted, and nothing will be created in it any more. */
export interface CreateRefusal {
  ending: boolean
  message: string
}

export function createRefusal(error: unknown): CreateRefusal {
  const text = errorText(error)
  const ending = isNamespaceEnding(error)
  return { ending, message: ending ? 'the namespace is being deleted' : refusalMessage(text) }
}

/** Thrown at who waits for it. */
export function notCreated(error: unknown): PodStartError {
  const { ending, message } = createRefusal(error)
  const code = ending ? 'namespace-ending' : 'start-failed'
  return new PodStartError(code, `no pod could be created: ${message}`, { cause: error })
}

/** Thrown at who started pods that came up and could not be made the function's. */
export function startFailure(whose: string, { wasRetired, why }: { wasRetired: boolean; why: string }): PodStartError {
  if (wasRetired) return new PodStartError('stopped', `the pod started for ${whose} was no longer wanted: ${why}`)
  return new PodStartError('start-failed', `two pods in a row could not be made ready for ${whose}; the last: ${why}`)
}

function refusalMessage(text: string): string {
  const quota = /exceeded quota: ([^,]+), requested: (.+), used: (.+), limited: (.+)$/.exec(text)
  if (quota) {
    const [, name, requested, used, limited] = quota
    return `quota ${name} of the namespace is used up: it asks for ${requested}, ${used} are used, of ${limited}`
  }
  const account = /error looking up service account \S+: serviceaccount "([^"]+)" not found/.exec(text)
  if (account) return `service account ${account[1]} does not exist in the namespace`
  const security = /violates PodSecurity "([^"]+)": (.+)$/.exec(text)
  if (security) return `the namespace's pod security level (${security[1]}) does not admit it: ${security[2]}`
  return /is forbidden: (.+)$/.exec(text)?.[1] ?? text
}
