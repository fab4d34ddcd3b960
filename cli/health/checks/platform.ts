/** Do the parts of the platform run, in one version, and does one of them lead? Pure. */
import type { Deployment, PlatformPod } from '../../cluster/platform-kinds.ts'
import { COMPONENT_LABEL, namespacesOf, VERSION_LABEL } from '../../cluster/installation.ts'
import { describePart, installCommand, kubectl, podCommands } from '../commands.ts'
import type { Finding } from '../finding.ts'
import { valueOf, type Observation } from '../observation.ts'
import { podTrouble, remedyFor } from '../pod-trouble.ts'

const PARTS = ['controller', 'gateway', 'dispatcher'] as const
/** A pod that was just made has no trouble yet. */
const GRACE_MS = 30_000

export const componentOf = ({ metadata }: { metadata: { labels?: Record<string, string> } }) =>
  metadata.labels?.[COMPONENT_LABEL] ?? ''

export function checkPlatform(observation: Observation): Finding[] {
  const services = valueOf(observation.services)
  if (observation.namespace === undefined)
    return services === undefined ? [] : [notFound(observation, namespacesOf(services))]
  const deployments = valueOf(observation.deployments)
  if (deployments === undefined) return []
  return [...PARTS.flatMap((part) => partFindings(observation, deployments, part)), ...versionFindings(observation)]
}

function notFound(observation: Observation, namespaces: readonly string[]): Finding {
  const subject = 'installation'
  if (namespaces.length === 0)
    return {
      ...{ subject, problem: 'There is none in this cluster.' },
      remedy: `Install Dormouse with ${installCommand(observation)}.`,
    }
  const problem = `There is one in each of ${namespaces.join(', ')}, and only the one that came first does anything.`
  return { subject, problem, remedy: 'Uninstall all but one; look at one with --system-namespace.' }
}

function partFindings(observation: Observation, deployments: readonly Deployment[], part: string): Finding[] {
  const deployment = deployments.find((candidate) => componentOf(candidate) === part)
  if (deployment === undefined) return part === 'dispatcher' ? [] : [absent(observation, part)]
  const { replicas: wanted = 1 } = deployment.spec
  const { readyReplicas: ready = 0 } = deployment.status ?? {}
  if (wanted === 0) return [scaledDown(observation, deployment, part)]
  return ready >= wanted ? [] : lackFindings({ observation, deployment, part }, ready, wanted)
}

interface Part {
  observation: Observation
  deployment: Deployment
  part: string
}

function lackFindings({ observation, deployment, part }: Part, ready: number, wanted: number): Finding[] {
  const state = ready === 0 ? `None of its ${wanted} replicas is ready` : `${ready} of its ${wanted} replicas are ready`
  const why = whyNotReady(observation, deployment, part)
  if (why !== undefined) return [{ subject: part, problem: sentence(`${state}: ${why.problem}`), remedy: why.remedy }]
  // A rollout under way is no finding while what serves does.
  if (ready > 0 && isYoung(observation, part)) return []
  const look = describePart(observation, 'pods', part)
  return [{ subject: part, problem: `${state}.`, remedy: `Look at its pods with ${look}.` }]
}

function absent(observation: Observation, part: string): Finding {
  const problem = `There is no Deployment of it in namespace ${observation.namespace ?? ''}.`
  return { subject: part, problem, remedy: `Repair the installation with ${installCommand(observation)}.` }
}

function scaledDown(observation: Observation, { metadata }: Deployment, part: string): Finding {
  const args = ['scale', `deployment/${metadata.name}`, '--replicas', '2']
  const remedy = `Scale it up: ${kubectl(observation, metadata.namespace, args)}.`
  return { subject: part, problem: 'It is scaled to zero.', remedy }
}

function podsOf({ pods }: Observation, part: string): PlatformPod[] {
  return (valueOf(pods) ?? []).filter((pod) => componentOf(pod) === part)
}

function isYoung(observation: Observation, part: string): boolean {
  const ages = podsOf(observation, part).map(
    ({ metadata }) => observation.nowMs - Date.parse(metadata.creationTimestamp),
  )
  return ages.some((ageMs) => ageMs < GRACE_MS)
}

function whyNotReady(
  observation: Observation,
  deployment: Deployment,
  part: string,
): { problem: string; remedy: string } | undefined {
  for (const pod of podsOf(observation, part)) {
    const said = wordOf(observation, pod)
    const trouble = podTrouble(pod, observation.nowMs, GRACE_MS)
    if (said !== undefined && (trouble === undefined || trouble.reason === 'NotReady'))
      return sayingOf(observation, pod, said)
    if (trouble !== undefined) {
      const { reason, message } = trouble
      return {
        problem: `pod ${pod.metadata.name}: ${reason}: ${message}`,
        remedy: sentence(remedyFor(trouble, podCommands(observation, pod))),
      }
    }
  }
  const refused = deployment.status?.conditions?.find(
    ({ type, status }) => type === 'ReplicaFailure' && status === 'True',
  )
  if (refused === undefined) return undefined
  const { reason = 'ReplicaFailure', message = 'its pods cannot be created' } = refused
  const look = { describe: describePart(observation, 'replicasets', part) }
  return { problem: `its pods cannot be created: ${message}`, remedy: sentence(remedyFor({ reason, message }, look)) }
}

function wordOf({ words }: Observation, { metadata }: PlatformPod): string | undefined {
  return words.find(({ pod, ready }) => pod === metadata.name && !ready)?.text
}

export const KAFKA_REMEDY =
  'See that the brokers of kafka.brokers run and are reachable from the cluster, with the credentials given.'

/** `log`: a command that prints what it logs. */
const SAYINGS: readonly (readonly [pattern: RegExp, remedy: string | ((log: string) => string)])[] = [
  [/another installation/i, 'Uninstall one of the two.'],
  [
    /snapshot|feed|controller/i,
    'See that a controller is ready, and that DNS and NetworkPolicies let this pod reach it.',
  ],
  [/kafka|broker|log/i, KAFKA_REMEDY],
  [
    /know all Functions|starting/i,
    (log) => `Wait; if it stays so, see its log with ${log}: the Kubernetes API does not answer it.`,
  ],
]

function sayingOf(
  observation: Observation,
  { metadata: { name, namespace } }: PlatformPod,
  text: string,
): { problem: string; remedy: string } {
  const log = kubectl(observation, namespace, ['logs', name])
  const remedy = SAYINGS.find(([pattern]) => pattern.test(text))?.[1] ?? `See its log: ${log}.`
  return { problem: `pod ${name} says: ${text}`, remedy: typeof remedy === 'string' ? remedy : remedy(log) }
}

function versionFindings(observation: Observation): Finding[] {
  const { deployments, cliVersion } = observation
  const versions = (valueOf(deployments) ?? []).flatMap((one) => one.metadata.labels?.[VERSION_LABEL] ?? [])
  const others = [...new Set(versions)].filter((version) => version !== cliVersion).sort()
  if (others.length === 0) return []
  const problem = `Version ${others.join(', ')} is installed, and this CLI is ${cliVersion}.`
  const remedy = `Upgrade with ${installCommand(observation)}, or use the CLI of that version.`
  return [{ subject: 'version', problem, remedy }]
}

export function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${text.endsWith('.') ? '' : '.'}`
}
