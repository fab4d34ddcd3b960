/** Pure: our container of a pod: a Runtime that is told who it is, or an image that is told where to listen. */
import { CONTAINER, DEFAULT_PORT } from '../../api/names.ts'
import { memoryMb } from '../../api/quantity.ts'
import type { Runtime } from '../../api/runtime.ts'
import type { Container, EnvVar } from '../../kube/objects.ts'
import type { ContainerResources, RevisionTemplate } from './fleet.ts'
import { isLarge, POOL_RESOURCES } from './own-pod-policy.ts'
import { PUBLIC_KEY_VARIABLE } from './pod-status.ts'

/** What all pods of one controller are told. */
export interface PodSettings {
  /** Where pods say that they are up. */
  phoneHomeUrl: string
  /** Base64 SPKI. */
  publicKey: string
  /** Base URL of gateways' internal listener, for functions. */
  platformUrl?: string | undefined
  /** How long user code may load. */
  initTimeoutMs: number
  /** 0 = any free port: the pod says which when it calls home. */
  ports: { control: number; data: number }
  /** With a volume for /tmp; else it is part of the container (docs/adr/0040). */
  readOnlyRoot?: boolean
}

/** What the kubelet looks up. */
type KubeletEnv = Pick<RevisionTemplate, 'secretEnv' | 'configMapEnv'>

export interface RuntimeContainerInput {
  settings: PodSettings
  phoneHomeToken: string
  resources: ContainerResources
  template?: KubeletEnv | undefined
}

export function runtimeContainer(runtime: Runtime, input: RuntimeContainerInput): Container {
  const { settings, phoneHomeToken, resources, template = {} } = input
  const { control, data } = settings.ports
  return {
    name: CONTAINER.runtime,
    image: runtime.spec.image,
    ...(runtime.spec.command && { command: runtime.spec.command }),
    env: [...kubeletVariables(template), ...heapVariables(resources), ...environment(settings, phoneHomeToken)],
    ...(settings.readOnlyRoot === true ? { resources, ...READ_ONLY } : { resources: withDisk(resources), ...WRITABLE }),
    ...(control !== 0 &&
      data !== 0 && {
        ports: [
          { name: 'control', containerPort: control },
          { name: 'data', containerPort: data },
        ],
        startupProbe: upOnce({ httpGet: { path: '/healthz', port: control } }),
      }),
  }
}

/**
 * The contract of platforms that run images: `PORT` says where to listen. It is told that it has to end two seconds late, so that callers
 * who have not yet heard of it find it serving: it cannot refuse them as a runtime does.
 */
export function imageContainer(template: RevisionTemplate, { platformUrl }: PodSettings): Container {
  const { image = '', env, resources = POOL_RESOURCES } = template
  const port = DEFAULT_PORT.data
  const told = { ...env, ...(platformUrl !== undefined && { DORMOUSE_URL: platformUrl }), PORT: String(port) }
  const variables = Object.entries(told).map(([name, value]): EnvVar => ({ name, value: asText(value) }))
  return {
    name: CONTAINER.image,
    image,
    env: [...kubeletVariables(template), ...variables],
    resources,
    // Nobody knows what of an image of somebody else's its user may write to, nor whether it has a /tmp.
    ...READ_ONLY,
    ports: [{ name: 'data', containerPort: port }],
    startupProbe: upOnce({ tcpSocket: { port } }),
    lifecycle: { preStop: { sleep: { seconds: 2 } } },
  }
}

/** The kubelet reads `$(NAME)` as another variable's value and `$$` as `$`; what a Function says is text, as it is to a runtime. */
const asText = (value: string): string => value.replaceAll('$', '$$$$')

/** Lambda's. */
const TMP_SIZE = '512Mi'
export const TMP_VOLUME = { name: 'tmp', emptyDir: { sizeLimit: TMP_SIZE } }

const CONFINED = { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } }
const WRITABLE = { securityContext: CONFINED }
const READ_ONLY = {
  volumeMounts: [{ name: TMP_VOLUME.name, mountPath: '/tmp' }],
  securityContext: { ...CONFINED, readOnlyRootFilesystem: true },
}

/**
 * /tmp of our images is part of the container, which is all that its user may write to: a kubelet looks for volumes every 300 ms only, and
 * somebody waits (docs/adr/0040). Nothing is set aside for it, as for a volume.
 */
function withDisk({ requests, limits }: ContainerResources) {
  return {
    requests: { ...requests, 'ephemeral-storage': '0' },
    limits: { ...limits, 'ephemeral-storage': TMP_SIZE },
  }
}

/**
 * A probe that ends with its first success: a pod that is up costs its node nothing, and what becomes of it later is asked by the
 * controller. A pod that calls home is not waited for at all.
 */
function upOnce(check: Record<string, unknown>): Record<string, unknown> {
  return { ...check, periodSeconds: 1, timeoutSeconds: 1, failureThreshold: 300 }
}

/** Of the memory; V8 itself takes half. The rest is for what is no JavaScript: Node, buffers, stacks. */
const HEAP_SHARE = 0.85

/** Only Node reads it; runtimes of other languages see the memory of their container. */
function heapVariables({ limits }: ContainerResources): EnvVar[] {
  if (!isLarge({ limits })) return []
  const heapMb = Math.floor(memoryMb(limits.memory) * HEAP_SHARE)
  return [{ name: 'NODE_OPTIONS', value: `--max-old-space-size=${heapMb}` }]
}

function kubeletVariables({ secretEnv = [], configMapEnv = [] }: KubeletEnv): EnvVar[] {
  return [
    ...secretEnv.map(({ name, secret, ...key }) => ({ name, valueFrom: { secretKeyRef: { name: secret, ...key } } })),
    ...configMapEnv.map(({ name, configMap, ...key }) => ({
      name,
      valueFrom: { configMapKeyRef: { name: configMap, ...key } },
    })),
  ]
}

function environment(settings: PodSettings, phoneHomeToken: string): EnvVar[] {
  const field = (name: string, fieldPath: string): EnvVar => ({ name, valueFrom: { fieldRef: { fieldPath } } })
  return [
    { name: 'DORMOUSE_CONTROL_PORT', value: String(settings.ports.control) },
    { name: 'DORMOUSE_DATA_PORT', value: String(settings.ports.data) },
    field('DORMOUSE_POD_NAMESPACE', 'metadata.namespace'),
    field('DORMOUSE_POD_NAME', 'metadata.name'),
    field('DORMOUSE_POD_UID', 'metadata.uid'),
    field('DORMOUSE_POD_IP', 'status.podIP'),
    { name: PUBLIC_KEY_VARIABLE, value: settings.publicKey },
    { name: 'DORMOUSE_PHONE_HOME_URL', value: settings.phoneHomeUrl },
    { name: 'DORMOUSE_PHONE_HOME_TOKEN', value: phoneHomeToken },
    { name: 'DORMOUSE_INIT_TIMEOUT_MS', value: String(settings.initTimeoutMs) },
  ]
}
