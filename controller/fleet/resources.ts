/** Pure: manifests and patches of pods. No client, no clock. */
import { createHash } from 'node:crypto'
import { ANNOTATION, API_VERSION, LABEL, type PodState } from '../../api/names.ts'
import type { OwnerReference } from '../../api/object.ts'
import type { Runtime } from '../../api/runtime.ts'
import type { MergePatch, NewObject } from '../../kube/cluster.ts'
import type { Pod } from '../../kube/objects.ts'
import type { RevisionTemplate } from './fleet.ts'
import { LONGEST_POOL_TIMEOUT_MS, ownPodKind, POOL_RESOURCES } from './own-pod-policy.ts'
import { imageContainer, runtimeContainer, type PodSettings } from './pod-container.ts'
import { contactText, type PodContact } from './pod-status.ts'

export const MANAGED_BY = 'dormouse'

/** `nonroot` of distroless images. */
const NON_ROOT = 65532
/** Lambda's. What is written there counts as the node's storage. */
const TMP_SIZE = '512Mi'

interface PodInput {
  namespace: string
  name: string
  phoneHomeToken: string
  settings: PodSettings
}

export interface GenericPodInput extends PodInput {
  runtime: Runtime
}

/** A pod that waits for a function: owned by its Runtime until it is claimed. */
export function genericPod({ runtime, namespace, name, phoneHomeToken, settings }: GenericPodInput): NewObject<Pod> {
  const labels = {
    [LABEL.managedBy]: MANAGED_BY,
    [LABEL.state]: 'generic' satisfies PodState,
    [LABEL.runtime]: runtime.metadata.name,
    [LABEL.template]: templateHash(runtime, settings),
  }
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, labels, ownerReferences: [owner('Runtime', runtime.metadata)] },
    spec: {
      ...podBase({ [LABEL.runtime]: runtime.metadata.name, [LABEL.state]: 'generic' }),
      terminationGracePeriodSeconds: graceSeconds(LONGEST_POOL_TIMEOUT_MS),
      automountServiceAccountToken: false,
      containers: [runtimeContainer(runtime, { settings, phoneHomeToken, resources: POOL_RESOURCES })],
    },
  }
}

export interface OwnPodInput extends PodInput {
  template: RevisionTemplate
  /** The template's. */
  runtime?: Runtime | undefined
  nowMs: number
}

/** A pod made for one function alone: its own from birth, in labels and owner. */
export function ownPod({ template, runtime, ...input }: OwnPodInput): NewObject<Pod> {
  const { namespace, name, settings, nowMs } = input
  const claim = { ...template, claimedAtMs: nowMs, acknowledges: false }
  const { labels, annotations, ownerReferences } = claimMetadata(claim)
  const { serviceAccountName } = template
  const container =
    runtime === undefined ? imageContainer(template, settings) : ownRuntimeContainer(runtime, template, input)
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace,
      labels: {
        [LABEL.managedBy]: MANAGED_BY,
        [LABEL.own]: ownPodKind(template) ?? 'runtime',
        ...(runtime && { [LABEL.runtime]: runtime.metadata.name, [LABEL.template]: templateHash(runtime, settings) }),
        ...labels,
      },
      annotations,
      ownerReferences,
    },
    spec: {
      ...podBase({ [LABEL.function]: template.function.name }, { user: runtime === undefined ? undefined : NON_ROOT }),
      terminationGracePeriodSeconds: graceSeconds(template.timeoutMs),
      automountServiceAccountToken: serviceAccountName !== undefined,
      ...(serviceAccountName !== undefined && { serviceAccountName }),
      containers: [container],
    },
  }
}

function ownRuntimeContainer(runtime: Runtime, template: RevisionTemplate, { settings, phoneHomeToken }: PodInput) {
  const { resources = POOL_RESOURCES, secretEnv } = template
  return runtimeContainer(runtime, { settings, phoneHomeToken, resources, secretEnv })
}

/**
 * What all our pods have in common: the restricted pod security standard, nothing that costs start time, and a wish to be on different
 * nodes. An image of somebody else's brings its own user, who must not be root.
 */
function podBase(alike: Record<string, string>, { user }: { user: number | undefined } = { user: NON_ROOT }) {
  return {
    // A restarted container is never reused: it would be generic again under a claimed label.
    restartPolicy: 'Never' as const,
    enableServiceLinks: false,
    // The first process of a namespace gets no signal that it has no handler for: a pod told to end while it boots would stay for all of
    // its grace period, and one that ends itself by SIGKILL, as the watchdog does, would not.
    shareProcessNamespace: true,
    securityContext: {
      runAsNonRoot: true,
      ...(user !== undefined && { runAsUser: user, runAsGroup: user }),
      seccompProfile: { type: 'RuntimeDefault' },
    },
    topologySpreadConstraints: [
      {
        maxSkew: 1,
        topologyKey: 'kubernetes.io/hostname',
        whenUnsatisfiable: 'ScheduleAnyway',
        labelSelector: { matchLabels: { [LABEL.managedBy]: MANAGED_BY, ...alike } },
      },
    ],
    volumes: [{ name: 'tmp', emptyDir: { sizeLimit: TMP_SIZE } }],
  }
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
  isGuessed?: boolean | undefined
  /** Where it was found; other controllers need not wait for the kubelet. */
  contact?: PodContact | undefined
}

/** The pod is the function's from now on, and goes with it. */
export function claimPatch(claim: Claim): MergePatch {
  return { metadata: { ...claimMetadata(claim) } }
}

function claimMetadata(claim: Claim) {
  return {
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
  }
}

export function leavingPatch(): MergePatch {
  return { metadata: { labels: { [LABEL.state]: 'leaving' satisfies PodState } } }
}

function owner(kind: 'Function' | 'Runtime', { name, uid }: { name: string; uid: string }): OwnerReference {
  return { apiVersion: API_VERSION, kind, name, uid, controller: true, blockOwnerDeletion: true }
}

/** Seconds a pod gets to finish what runs: the function's timeout and a little. A runtime ends as soon as nothing runs. */
export function graceSeconds(timeoutMs = LONGEST_POOL_TIMEOUT_MS): number {
  return Math.ceil(timeoutMs / 1000) + 5
}

/** Kubernetes' own alphabet for generated names: no vowels, no words. */
const ALPHABET = 'bcdfghjklmnpqrstvwxz2456789'

/** `<runtime or function>-<8 random characters>`. Named here and not by the API because the pod's token is derived from its name. */
export function podName(prefix: string, random: Uint8Array): string {
  const suffix = Array.from(random.subarray(0, 8), (byte) => ALPHABET[byte % ALPHABET.length]).join('')
  return `${prefix.slice(0, 50)}-${suffix}`
}
