/** Pure: manifests and patches of pods. No client, no clock. */
import { createHash } from 'node:crypto'
import { ANNOTATION, API_VERSION, LABEL, type PodState } from '../../api/names.ts'
import type { OwnerReference } from '../../api/object.ts'
import type { Runtime } from '../../api/runtime.ts'
import type { MergePatch, NewObject } from '../../kube/cluster.ts'
import type { Container, EnvVar, Pod } from '../../kube/objects.ts'
import { contactText, type PodContact } from './pod-status.ts'

export const MANAGED_BY = 'dormouse'

/** Longest `timeout` a Function may have, plus what a runtime needs to end. A runtime ends as soon as nothing runs. */
const LONGEST_GRACE_SECONDS = 15 * 60 + 5
/** `nonroot` of distroless images. */
const NON_ROOT = 65532

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
}

export interface GenericPodInput {
  runtime: Runtime
  namespace: string
  name: string
  phoneHomeToken: string
  settings: PodSettings
}

/** A pod that waits for a function: owned by its Runtime until it is claimed. */
export function genericPod({ runtime, namespace, name, phoneHomeToken, settings }: GenericPodInput): NewObject<Pod> {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace,
      labels: {
        [LABEL.managedBy]: MANAGED_BY,
        [LABEL.state]: 'generic' satisfies PodState,
        [LABEL.runtime]: runtime.metadata.name,
        [LABEL.template]: templateHash(runtime, settings),
      },
      ownerReferences: [owner('Runtime', runtime.metadata)],
    },
    spec: {
      // A restarted container is never reused: it would be generic again under a claimed label.
      restartPolicy: 'Never',
      terminationGracePeriodSeconds: LONGEST_GRACE_SECONDS,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      securityContext: {
        runAsNonRoot: true,
        runAsUser: NON_ROOT,
        runAsGroup: NON_ROOT,
        seccompProfile: { type: 'RuntimeDefault' },
      },
      volumes: [{ name: 'tmp', emptyDir: {} }],
      containers: [runtimeContainer(runtime, settings, phoneHomeToken)],
    },
  }
}

function runtimeContainer(runtime: Runtime, settings: PodSettings, phoneHomeToken: string): Container {
  const { control, data } = settings.ports
  return {
    name: 'runtime',
    image: runtime.spec.image,
    ...(runtime.spec.command && { command: runtime.spec.command }),
    env: environment(settings, phoneHomeToken),
    volumeMounts: [{ name: 'tmp', mountPath: '/tmp' }],
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
    ...(control !== 0 &&
      data !== 0 && {
        ports: [
          { name: 'control', containerPort: control },
          { name: 'data', containerPort: data },
        ],
        readinessProbe: { httpGet: { path: '/healthz', port: control }, periodSeconds: 1 },
      }),
  }
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
    { name: 'DORMOUSE_PUBLIC_KEY', value: settings.publicKey },
    { name: 'DORMOUSE_PHONE_HOME_URL', value: settings.phoneHomeUrl },
    { name: 'DORMOUSE_PHONE_HOME_TOKEN', value: phoneHomeToken },
    { name: 'DORMOUSE_INIT_TIMEOUT_MS', value: String(settings.initTimeoutMs) },
  ]
}

/** Changes when pods made before can no longer be used: another image, command, or key. */
export function templateHash(runtime: Runtime, settings: Pick<PodSettings, 'publicKey' | 'initTimeoutMs'>): string {
  const { image, command } = runtime.spec
  const parts = [runtime.metadata.uid, image, command ?? null, settings.publicKey, settings.initTimeoutMs]
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16)
}

export interface Claim {
  function: { namespace: string; name: string; uid: string }
  revision: string
  claimedAtMs: number
  acknowledges: boolean
  /** Then whether it acknowledges is not known. */
  isGuessed?: boolean
  /** When it was the pod that said so. */
  contact?: PodContact
}

/** The pod is the function's from now on, and goes with it. */
export function claimPatch(claim: Claim): MergePatch {
  return {
    metadata: {
      labels: {
        [LABEL.state]: 'claimed' satisfies PodState,
        [LABEL.function]: claim.function.name,
        [LABEL.revision]: claim.revision,
      },
      annotations: {
        [ANNOTATION.claimedAt]: new Date(claim.claimedAtMs).toISOString(),
        ...(claim.isGuessed !== true && { [ANNOTATION.acknowledges]: String(claim.acknowledges) }),
        ...(claim.contact && { [ANNOTATION.contact]: contactText(claim.contact) }),
      },
      ownerReferences: [owner('Function', claim.function)],
    },
  }
}

export function leavingPatch(): MergePatch {
  return { metadata: { labels: { [LABEL.state]: 'leaving' satisfies PodState } } }
}

function owner(kind: 'Function' | 'Runtime', { name, uid }: { name: string; uid: string }): OwnerReference {
  return { apiVersion: API_VERSION, kind, name, uid, controller: true, blockOwnerDeletion: true }
}

/** Seconds a pod gets to finish what runs: the function's timeout and a little. */
export function graceSeconds(timeoutMs: number | undefined): number {
  return timeoutMs === undefined ? LONGEST_GRACE_SECONDS : Math.ceil(timeoutMs / 1000) + 5
}

/** Kubernetes' own alphabet for generated names: no vowels, no words. */
const ALPHABET = 'bcdfghjklmnpqrstvwxz2456789'

/** `<runtime>-<8 random characters>`. Named here and not by the API because the pod's token is derived from its name. */
export function podName(runtime: string, random: Uint8Array): string {
  const suffix = Array.from(random.subarray(0, 8), (byte) => ALPHABET[byte % ALPHABET.length]).join('')
  return `${runtime.slice(0, 50)}-${suffix}`
}
