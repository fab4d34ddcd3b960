/** Names and policies between the parts and the pods of functions, as far as objects tell; what a CNI makes of them is not seen. Pure. */
import type { Service } from '../../../kube/objects.ts'
import type { LabelSelector, NetworkPolicy, PlatformPod, PolicyPeer } from '../../cluster/platform-kinds.ts'
import { INSTALLATION_LABELS } from '../../cluster/installation.ts'
import { some, type Finding } from '../finding.ts'
import { valueOf, type Observation } from '../observation.ts'
import { componentOf } from './platform.ts'

export function checkNetwork(observation: Observation): Finding[] {
  return [...serviceFindings(observation), ...policyFindings(observation)]
}

/** Services of functions are names of the gateways' internal one. */
function serviceFindings({ functionServices, services, namespace }: Observation): Finding[] {
  const internal = valueOf(services)?.find(
    (service) =>
      componentOf(service) === 'gateway' && service.spec.ports?.some(({ targetPort }) => targetPort === 'internal'),
  )
  if (internal === undefined || namespace === undefined) return []
  const host = `${internal.metadata.name}.${namespace}.svc`
  const lost = (valueOf(functionServices) ?? []).filter(({ spec }) => !leadsTo(spec, host))
  if (lost.length === 0) return []
  const names = lost.map(({ metadata }) => `${metadata.namespace ?? ''}/${metadata.name}`)
  const target = lost[0]?.spec.externalName ?? 'nothing'
  return [
    {
      subject: 'services',
      problem: `The Services of ${some(names)} lead to ${target}, and the gateways are at ${host}: http://<function>.<namespace> fails.`,
      remedy: 'See that the controller runs with DORMOUSE_FUNCTION_SERVICES of this installation; it rewrites them.',
    },
  ]
}

function leadsTo({ type, externalName = '' }: Service['spec'], host: string): boolean {
  return type === 'ExternalName' && (externalName === host || externalName.startsWith(`${host}.`))
}

function policyFindings(observation: Observation): Finding[] {
  const { namespace } = observation
  const all = valueOf(observation.policies)
  if (all === undefined || namespace === undefined) return []
  const pods = valueOf(observation.functionPods) ?? []
  const platform = valueOf(observation.pods) ?? []
  return [
    ...blockedNamespaces(all, pods, (policies) => hidesFrom(policies, { namespace, platform })).map(
      ([where, names]): Finding => ({
        subject: 'network policies',
        problem: `${some(names)} in namespace ${where} keep${names.length === 1 ? 's' : ''} the platform from the pods of functions.`,
        remedy: `Let pods of namespace ${namespace} reach them: see networkPolicy.functionNamespaces of the chart.`,
      }),
    ),
    ...blockedNamespaces(all, pods, (policies) => keepsIn(policies, { namespace, platform })).map(
      ([where, names]): Finding => ({
        subject: 'network policies',
        problem: `${some(names)} in namespace ${where} keep${names.length === 1 ? 's' : ''} the pods of functions from the controller.`,
        remedy: `Let them reach namespace ${namespace}, port 8082, and DNS: a pod that cannot say that it is up serves late.`,
      }),
    ),
  ]
}

/** Per namespace with pods of functions, the policies that stand in the way; `blocks` is asked for those that select one of its pods. */
function blockedNamespaces(
  all: readonly NetworkPolicy[],
  pods: readonly PlatformPod[],
  blocks: (policies: readonly NetworkPolicy[]) => NetworkPolicy[],
): [namespace: string, policies: string[]][] {
  const byNamespace = Map.groupBy(pods, ({ metadata }) => metadata.namespace ?? '')
  return [...byNamespace].flatMap(([namespace, members]): [string, string[]][] => {
    const here = all.filter(({ metadata }) => metadata.namespace === namespace)
    const inTheWay = new Set<string>()
    for (const pod of members) {
      const selecting = here.filter(({ spec }) => selects(spec.podSelector, pod.metadata.labels))
      for (const { metadata } of blocks(selecting)) inTheWay.add(metadata.name)
    }
    return inTheWay.size === 0 ? [] : [[namespace, [...inTheWay]]]
  })
}

interface Platform {
  namespace: string
  platform: readonly PlatformPod[]
}

/** Policies add up: one that lets in is enough; none that selects the pod closes nothing. */
function hidesFrom(policies: readonly NetworkPolicy[], where: Platform): NetworkPolicy[] {
  const closing = policies.filter(({ spec }) => (spec.policyTypes ?? ['Ingress']).includes('Ingress'))
  const open = closing.some(({ spec }) => (spec.ingress ?? []).some(({ from }) => admits(from, where)))
  return open ? [] : closing
}

function keepsIn(policies: readonly NetworkPolicy[], where: Platform): NetworkPolicy[] {
  const closing = policies.filter(({ spec }) => spec.policyTypes?.includes('Egress') ?? spec.egress !== undefined)
  const open = closing.some(({ spec }) => (spec.egress ?? []).some(({ to }) => admits(to, where)))
  return open ? [] : closing
}

/** An address range may or may not be theirs: in doubt it is. */
function admits(peers: readonly PolicyPeer[] | undefined, { namespace, platform }: Platform): boolean {
  if (peers === undefined || peers.length === 0) return true
  return peers.some(({ ipBlock, namespaceSelector, podSelector }) => {
    if (ipBlock !== undefined) return true
    if (namespaceSelector === undefined || !mayBe(namespaceSelector, namespace)) return false
    const labels = platform.length > 0 ? platform.map(({ metadata }) => metadata.labels) : [INSTALLATION_LABELS]
    return podSelector === undefined || labels.some((own) => selects(podSelector, own))
  })
}

/** Of a namespace we know its name only, which is a label of it too; other labels it may have. */
const NAME_LABEL = 'kubernetes.io/metadata.name'

function mayBe({ matchLabels = {}, matchExpressions = [] }: LabelSelector, namespace: string): boolean {
  const wanted = matchLabels[NAME_LABEL]
  if (wanted !== undefined && wanted !== namespace) return false
  return matchExpressions.filter(({ key }) => key === NAME_LABEL).every((one) => meets(one, namespace))
}

function selects({ matchLabels = {}, matchExpressions = [] }: LabelSelector = {}, labels: Record<string, string> = {}) {
  const equal = Object.entries(matchLabels).every(([key, value]) => labels[key] === value)
  return equal && matchExpressions.every((one) => meets(one, labels[one.key]))
}

function meets(
  { operator, values = [] }: NonNullable<LabelSelector['matchExpressions']>[number],
  value: string | undefined,
): boolean {
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value)
    case 'NotIn':
      return value === undefined || !values.includes(value)
    case 'Exists':
      return value !== undefined
    case 'DoesNotExist':
      return value === undefined
  }
}
