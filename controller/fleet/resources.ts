/** Pure: manifests and patches of pods. No client, no clock. */
import { createHash } from 'node:crypto'
import { ANNOTATION, CONTAINER, LABEL, type PodState } from '../../api/names.ts'
import { jointPlacement, type Placement } from '../../api/placement.ts'
import type { Runtime } from '../../api/runtime.ts'
import type { MergePatch, NewObject } from '../../kube/cluster.ts'
import type { Pod } from '../../kube/objects.ts'
import { ownerReference } from '../ownership.ts'
import type { RevisionTemplate } from './fleet.ts'
import { LONGEST_POOL_TIMEOUT_MS, ownPodKind, POOL_RESOURCES, poolResources } from './own-pod-policy.ts'
import { imageContainer, runtimeContainer, TMP_VOLUME, type PodSettings } from './pod-container.ts'
import { contactText, type PodContact } from './pod-status.ts'

export const MANAGED_BY = 'dormouse'

const annotationsFor = (container: string) => ({
  // `kubectl logs` and `exec` mean it, whatever admission webhooks add to the pod.
  'kubectl.kubernetes.io/default-container': container,
  // The cluster autoscaler keeps nodes for pods whose controller it does not know, or with an emptyDir: ours are made anew elsewhere.
  'cluster-autoscaler.kubernetes.io/safe-to-evict': 'true',
})

/** `nonroot` of distroless images. */
const NON_ROOT = 65532

interface PodInput {
  namespace: string
  name: string
  phoneHomeToken: string
  settings: PodSettings
}

export interface GenericPodInput extends PodInput {
  runtime: Runtime
  /** Of a pool of large pods, MiB. */
  memoryMb?: number | undefined
}

/** A pod that waits for a function: owned by its Runtime until it is claimed. */
export function genericPod({ runtime, memoryMb, ...input }: GenericPodInput): NewObject<Pod> {
  const { namespace, name, phoneHomeToken, settings } = input
  const labels = {
    [LABEL.managedBy]: MANAGED_BY,
    [LABEL.state]: 'generic' satisfies PodState,
    [LABEL.runtime]: runtime.metadata.name,
    [LABEL.template]: templateHash(runtime, settings),
    ...(memoryMb !== undefined && { [LABEL.memory]: String(memoryMb) }),
  }
  const resources = poolResources(memoryMb)
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      ...{ name, namespace, labels, annotations: annotationsFor(CONTAINER.runtime) },
      ownerReferences: [ownerReference('Runtime', runtime.metadata)],
    },
    spec: {
      ...podBase({ [LABEL.runtime]: runtime.metadata.name, [LABEL.state]: 'generic' }),
      ...jointPlacement(runtime.spec),
      terminationGracePeriodSeconds: graceSeconds(LONGEST_POOL_TIMEOUT_MS),
      ...(settings.readOnlyRoot === true && { volumes: [TMP_VOLUME] }),
      automountServiceAccountToken: false,
      containers: [runtimeContainer(runtime, { settings, phoneHomeToken, resources })],
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
      annotations: { ...annotationsFor(container.name), ...annotations },
      ownerReferences,
    },
    spec: {
      ...podBase({ [LABEL.function]: template.function.name }, { user: runtime === undefined ? undefined : NON_ROOT }),
      ...jointPlacement(template, runtime?.spec),
      terminationGracePeriodSeconds: graceSeconds(template.timeoutMs),
      ...((runtime === undefined || settings.readOnlyRoot === true) && { volumes: [TMP_VOLUME] }),
      automountServiceAccountToken: serviceAccountName !== undefined,
      ...(serviceAccountName !== undefined && { serviceAccountName }),
      containers: [container],
    },
  }
}

function ownRuntimeContainer(runtime: Runtime, template: RevisionTemplate, { settings, phoneHomeToken }: PodInput) {
  const { resources = POOL_RESOURCES } = template
  return runtimeContainer(runtime, { settings, phoneHomeToken, resources, template })
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
  }
}

/** Changes when pods made before can no longer be used: another image, command, place, or key. */
export function templateHash(
  runtime: Runtime,
  { publicKey, initTimeoutMs, readOnlyRoot = false }: Pick<PodSettings, 'publicKey' | 'initTimeoutMs' | 'readOnlyRoot'>,
): string {
  const { image, command } = runtime.spec
  const parts = [runtime.metadata.uid, image, command ?? null, publicKey, initTimeoutMs, readOnlyRoot]
  // Nothing where nothing is said: pods made by versions that knew no placement can be used.
  const placement = placementParts(runtime.spec)
  return createHash('sha256')
    .update(JSON.stringify([...parts, ...placement]))
    .digest('hex')
    .slice(0, 16)
}

function placementParts({ nodeSelector = {}, tolerations = [] }: Placement): unknown[] {
  const labels = Object.entries(nodeSelector).sort(([a], [b]) => (a < b ? -1 : 1))
  return labels.length + tolerations.length === 0 ? [] : [labels, tolerations]
}

export interface Claim {
  function: { namespace: string; name: string; uid: string }
  revision: string
  claimedAtMs: number
  acknowledges: boolean
  /** Then that it does not acknowledge is not known. */
  isGuessed?: boolean | undefined
  /** Where it was found; other controllers need not wait for the kubelet. */
  contact?: PodContact | undefined
}

/** The pod is the function's from now on, and goes with it. */
export function claimPatch(claim: Claim): MergePatch {
  const { ownerReferences, ...metadata } = claimMetadata(claim)
  // Before the Function is known the pod stays its Runtime's.
  return { metadata: { ...metadata, ...(claim.function.uid !== '' && { ownerReferences }) } }
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
      ...((claim.acknowledges || claim.isGuessed !== true) && {
        [ANNOTATION.acknowledges]: String(claim.acknowledges),
      }),
      ...(claim.contact && { [ANNOTATION.contact]: contactText(claim.contact) }),
    },
    ownerReferences: [ownerReference('Function', claim.function)],
  }
}

export function leavingPatch(): MergePatch {
  return { metadata: { labels: { [LABEL.state]: 'leaving' satisfies PodState } } }
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
