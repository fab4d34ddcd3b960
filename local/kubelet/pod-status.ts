/** Pod status as a kubelet writes it. Pure. */
import { constants } from 'node:os'
import type { Pod } from '../../kube/objects.ts'

export interface ProcessExit {
  code: number | null
  signal: NodeJS.Signals | null
}

type PodStatus = NonNullable<Pod['status']>

const containerName = (pod: Pod) => pod.spec.containers[0]?.name ?? 'main'
const readyIs = (status: 'True' | 'False') => [
  { type: 'Ready', status },
  { type: 'ContainersReady', status },
]

export function runningStatus(pod: Pod, podIP: string): PodStatus {
  return {
    phase: 'Running',
    podIP,
    conditions: readyIs('True'),
    containerStatuses: [{ name: containerName(pod), ready: true, restartCount: 0 }],
  }
}

/** `message`: the last words of the process, as with terminationMessagePolicy FallbackToLogsOnError. */
export function terminatedStatus(pod: Pod, { code, signal }: ProcessExit, lastWords: string): PodStatus {
  const succeeded = code === 0
  const signalNumber = signal === null ? undefined : constants.signals[signal]
  const terminated = {
    exitCode: code ?? 128 + (signalNumber ?? 0),
    reason: succeeded ? 'Completed' : 'Error',
    ...(signalNumber === undefined ? {} : { signal: signalNumber }),
    ...(succeeded || lastWords === '' ? {} : { message: lastWords }),
  }
  return {
    phase: succeeded ? 'Succeeded' : 'Failed',
    conditions: readyIs('False'),
    containerStatuses: [{ name: containerName(pod), ready: false, restartCount: 0, state: { terminated } }],
  }
}

/** The process never came to be; 128 is what container runtimes report then. */
export function failedToStart(pod: Pod, message: string): PodStatus {
  const terminated = { exitCode: 128, reason: 'StartError', message }
  return {
    phase: 'Failed',
    reason: 'StartError',
    message,
    conditions: readyIs('False'),
    containerStatuses: [{ name: containerName(pod), ready: false, restartCount: 0, state: { terminated } }],
  }
}
