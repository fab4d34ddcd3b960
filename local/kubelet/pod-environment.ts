/** What a pod's process finds in its environment: little of the host's, all of the pod's, and where to listen. */
import type { Container, EnvVar, Pod } from '../../kube/objects.ts'

export type Environment = Readonly<Record<string, string | undefined>>

export const POD_IP = '127.0.0.1'
/** Descriptor on which a runtime says that it listens. */
export const READY_FD = 3
/** Descriptor on which it finds its secret. */
export const SECRET_FD = 4
/** Descriptors of the sockets it inherits, when it inherits them. */
export const SOCKET_FDS = { DORMOUSE_CONTROL_FD: '5', DORMOUSE_DATA_FD: '6' } as const

/** Outgoing calls of functions must work behind a company proxy and its certificate authority; nothing else of the user's leaks in. */
const INHERITED = new Set([
  'PATH',
  'HOME',
  'LANG',
  'LC_ALL',
  'TZ',
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'NO_PROXY',
  'ALL_PROXY',
  'NODE_EXTRA_CA_CERTS',
  'NODE_USE_SYSTEM_CA',
  'NODE_USE_ENV_PROXY',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
])

/** The part of the host's environment that pods see. */
export function hostVariables(host: Environment): Record<string, string> {
  return Object.fromEntries(
    Object.entries(host).filter(
      (entry): entry is [string, string] => entry[1] !== undefined && INHERITED.has(entry[0].toUpperCase()),
    ),
  )
}

/** Container env with fieldRefs resolved, then what a shared machine forces: loopback and free ports. */
export function podEnvironment(pod: Pod, container: Container): Record<string, string> {
  const own = (container.env ?? []).map((variable) => [variable.name, valueOf(variable, pod)] as const)
  return {
    ...Object.fromEntries(own),
    DORMOUSE_CONTROL_PORT: '0',
    DORMOUSE_DATA_PORT: '0',
    DORMOUSE_LISTEN_HOST: POD_IP,
    DORMOUSE_READY_FD: String(READY_FD),
    DORMOUSE_SECRET_FD: String(SECRET_FD),
    DORMOUSE_EXIT_ON_STDIN_END: '1',
  }
}

function valueOf(variable: EnvVar, pod: Pod): string {
  if (variable.valueFrom?.secretKeyRef !== undefined)
    throw new Error(`env ${variable.name}: local mode has no Secrets; give it a value instead`)
  if (variable.valueFrom?.configMapKeyRef !== undefined)
    throw new Error(`env ${variable.name}: local mode has no ConfigMaps; give it a value instead`)
  const fieldPath = variable.valueFrom?.fieldRef?.fieldPath
  return fieldPath === undefined ? (variable.value ?? '') : fieldOf(pod, fieldPath, variable.name)
}

function fieldOf(pod: Pod, fieldPath: string, variable: string): string {
  switch (fieldPath) {
    case 'metadata.name':
      return pod.metadata.name
    case 'metadata.namespace':
      return pod.metadata.namespace ?? ''
    case 'metadata.uid':
      return pod.metadata.uid
    case 'status.podIP':
      return POD_IP
    default:
      throw new Error(`env ${variable}: fieldPath "${fieldPath}" is not known; expected metadata.* or status.podIP`)
  }
}
