/** Pure: what the API says about one of our pods, in the fleet's words. */
import { isIP } from 'node:net'
import { functionContainer, functionContainerStatus } from '../../api/function-container.ts'
import { ANNOTATION, DEFAULT_PORT, LABEL, type PodState } from '../../api/names.ts'
import type { Pod } from '../../kube/objects.ts'
import { bareHost } from '../../lib/bare-host.ts'

export type PodEndReason = 'exited' | 'signalled' | 'oom-killed' | 'evicted' | 'restarted' | 'deleted' | 'cannot-run'

export const PUBLIC_KEY_VARIABLE = 'DORMOUSE_PUBLIC_KEY'

export interface PodEnd {
  reason: PodEndReason
  /** One clause for humans: "its process exited with code 1". */
  message: string
}

/** Where a pod answers. */
export interface PodContact {
  host: string
  controlPort: number
  dataPort: number
}

export function labelledState(pod: Pod): PodState {
  const state = pod.metadata.labels?.[LABEL.state]
  return state === 'claimed' || state === 'leaving' ? state : 'generic'
}

/** Why the pod will never serve (again); undefined while it may. */
export function podEnd(pod: Pod): PodEnd | undefined {
  const container = functionContainerStatus(pod)
  if (container !== undefined && container.restartCount > 0)
    return { reason: 'restarted', message: 'its container was restarted and has forgotten its function' }
  const terminated = container?.state?.terminated
  return terminated === undefined ? phaseEnd(pod.status) : containerEnd(terminated)
}

function phaseEnd({ phase, reason, message }: NonNullable<Pod['status']> = {}): PodEnd | undefined {
  if (phase !== 'Failed' && phase !== 'Succeeded') return undefined
  if (reason === undefined) return { reason: 'exited', message: `it ended in phase ${phase}` }
  return { reason: 'evicted', message: `it ended with reason ${reason}: ${message ?? 'no message'}` }
}

interface Terminated {
  exitCode: number
  signal?: number
  reason?: string
  message?: string
}

/** Lambda's, with which our runtime ends. The latter is no SIGHUP, which nobody sends. */
const RUNTIME_ENDS = new Map([
  [128, 'an unhandled rejection'],
  [129, 'an uncaught exception'],
])

function codeOfRuntime(exitCode: number): string {
  const end = RUNTIME_ENDS.get(exitCode)
  return end === undefined ? '' : ` (of Runtime node: ${end})`
}

/** A shell's convention, kept by container runtimes: 128 + signal. */
function signalTold(exitCode: number): number | undefined {
  return exitCode > 128 && exitCode < 160 && !RUNTIME_ENDS.has(exitCode) ? exitCode - 128 : undefined
}

function containerEnd({ exitCode, signal, reason, message }: Terminated): PodEnd {
  const detail = message === undefined || message === '' ? '' : `: ${message}`
  if (reason === 'OOMKilled')
    return { reason: 'oom-killed', message: `it needed more memory than its limit and was killed${detail}` }
  if (reason === 'StartError') return { reason: 'exited', message: `its container could not be started${detail}` }
  const killedBy = signal ?? signalTold(exitCode)
  if (killedBy !== undefined)
    return { reason: 'signalled', message: `its process was ended by signal ${killedBy}${detail}` }
  return { reason: 'exited', message: `its process exited with code ${exitCode}${codeOfRuntime(exitCode)}${detail}` }
}

export interface ReportedContact extends PodContact {
  /** Whether it was seen to answer there; else its process has begun, and may answer before anyone says so. */
  isReady: boolean
}

/** Where the kubelet says it is; undefined before its process has begun. */
export function reportedContact(pod: Pod): ReportedContact | undefined {
  const { phase, podIP, conditions } = pod.status ?? {}
  if (phase !== 'Running' || podIP === undefined) return undefined
  const isReady = conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false
  const ports = annotatedPorts(pod)
  // Pods that choose their ports say so later than they run.
  if (ports === undefined && !isReady && functionContainer(pod)?.ports === undefined) return undefined
  const { control, data } = ports ?? DEFAULT_PORT
  return { host: podIP, controlPort: control, dataPort: data, isReady }
}

function annotatedPorts(pod: Pod): { control: number; data: number } | undefined {
  const text = pod.metadata.annotations?.[ANNOTATION.ports]
  if (text === undefined) return undefined
  try {
    const ports = JSON.parse(text) as { control?: unknown; data?: unknown }
    if (typeof ports.control === 'number' && typeof ports.data === 'number')
      return { control: ports.control, data: ports.data }
  } catch {
    // Someone edited the annotation: the defaults are as good a guess as any, and healthz decides.
  }
  return undefined
}

/** What it checks signatures with; undefined for an image of its function's own, which checks none. */
export function publicKeyOf(pod: Pod): string | undefined {
  return functionContainer(pod)?.env?.find(({ name }) => name === PUBLIC_KEY_VARIABLE)?.value
}

/** Where the controller that claimed it found it, which may be long before the kubelet says so. */
export function claimedContact(pod: Pod): PodContact | undefined {
  const text = pod.metadata.annotations?.[ANNOTATION.contact]
  const match = /^(.+) (\d+) (\d+)$/.exec(text ?? '')
  if (match === null) return undefined
  const [, host = '', control, data] = match
  if (isIP(normalAddress(host)) === 0) return undefined
  return { host, controlPort: Number(control), dataPort: Number(data) }
}

export function contactText({ host, controlPort, dataPort }: PodContact): string {
  return `${host} ${controlPort} ${dataPort}`
}

/** `::ffff:10.0.0.1` and `10.0.0.1` are one address; so are `[::1]`, `::1` and `0::01`. */
export function normalAddress(address: string): string {
  const bare = bareHost(address).toLowerCase()
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(bare)
  if (mapped?.[1] !== undefined) return mapped[1]
  const url = `http://[${bare}]`
  return bare.includes(':') && URL.canParse(url) ? new URL(url).hostname.slice(1, -1) : bare
}

export function hostPort(host: string, port: number): string {
  return host.includes(':') ? `[${normalAddress(host)}]:${port}` : `${host}:${port}`
}
