/** The `resize` subresource of pods: what may change, and how it merges. */
import type { KubeObject } from '../../api/object.ts'
import { isRecord } from '../../api/record.ts'
import type { MergePatch } from '../cluster.ts'
import { ClusterError } from '../errors.ts'
import type { AnyKind } from '../kinds.ts'
import { mergePatch } from '../merge-patch.ts'
import { PODS, type Container, type Pod } from '../objects.ts'

type Resources = NonNullable<Container['resources']>

const RESIZED = ['cpu', 'memory']

/** The pod with other resources. Throws ClusterError. */
export function resizedPod(kind: AnyKind, old: KubeObject, patch: MergePatch): KubeObject {
  if (kind.group !== PODS.group || kind.kind !== PODS.kind) {
    throw new ClusterError('NotFound', `${kind.plural} have no resize`)
  }
  const pod = old as Pod
  const changes = changesIn(pod, patch)
  const containers = pod.spec.containers.map((container) => {
    const resources = changes.get(container.name)
    return resources === undefined ? container : { ...container, ...mergePatch(pick(container), { resources }) }
  })
  const next: Pod = { ...pod, spec: { ...pod.spec, containers } }
  checkRequests(next)
  if (qosOf(next) !== qosOf(pod)) throw invalid(pod, `its QoS class is ${qosOf(pod)} and would become ${qosOf(next)}`)
  return next
}

function checkRequests(pod: Pod): void {
  for (const { resources = {} } of pod.spec.containers) {
    const { limits = {}, requests = {} } = resources
    const above = RESIZED.find(
      (resource) => amount(requests[resource]) > amount(limits[resource] ?? requests[resource]),
    )
    if (above !== undefined) throw invalid(pod, `its request of ${above} would be above its limit`)
  }
}

const UNITS: Record<string, number> = {
  ...{ m: 1e-3, '': 1, k: 1e3, M: 1e6, G: 1e9, T: 1e12 },
  ...{ Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40 },
}

/** Near enough to compare a request with a limit. */
function amount(quantity = '0'): number {
  const [, number = '', unit = ''] = /^([0-9.]+)([a-zA-Z]*)$/.exec(quantity) ?? []
  return Number(number) * (UNITS[unit] ?? NaN)
}

const pick = ({ resources = {} }: Container) => ({ resources })

function changesIn(pod: Pod, patch: MergePatch): Map<string, Resources> {
  const { spec, ...rest } = patch
  if (Object.keys(rest).length > 0 || !isRecord(spec) || Object.keys(spec).join() !== 'containers') {
    throw invalid(pod, 'a resize may change spec.containers only')
  }
  const containers = Array.isArray(spec['containers']) ? (spec['containers'] as unknown[]) : []
  return new Map(containers.map((container) => changeOf(pod, container)))
}

function changeOf(pod: Pod, container: unknown): [name: string, resources: Resources] {
  const { name, resources, ...rest } = isRecord(container) ? container : {}
  if (typeof name !== 'string' || !pod.spec.containers.some((known) => known.name === name)) {
    throw invalid(pod, `there is no container ${JSON.stringify(name)}`)
  }
  if (Object.keys(rest).length > 0) throw invalid(pod, 'a resize may change resources of containers only')
  const { limits = {}, requests = {} } = (resources ?? {}) as Resources
  const other = Object.keys({ ...limits, ...requests }).find((resource) => !RESIZED.includes(resource))
  if (other !== undefined) throw invalid(pod, `only ${RESIZED.join(' and ')} can be resized, not ${other}`)
  return [name, { limits, requests }]
}

/** As the kubelet ranks pods; it may not change while a pod lives. */
function qosOf({ spec }: Pod): 'BestEffort' | 'Burstable' | 'Guaranteed' {
  const all = spec.containers.map(({ resources = {} }) => {
    const { limits = {}, requests = {} } = resources
    // A limit without a request is a request, too.
    return { limits, requests: { ...limits, ...requests } }
  })
  if (all.every(({ requests }) => Object.keys(requests).length === 0)) return 'BestEffort'
  const isGuaranteed = all.every(({ limits, requests }) =>
    RESIZED.every((resource) => limits[resource] !== undefined && limits[resource] === requests[resource]),
  )
  return isGuaranteed ? 'Guaranteed' : 'Burstable'
}

function invalid({ metadata }: Pod, reason: string): ClusterError {
  return new ClusterError('Invalid', `Pod ${metadata.name} cannot be resized: ${reason}`)
}
