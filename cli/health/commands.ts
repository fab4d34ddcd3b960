/**
 * Commands that remedies tell, such as can be pasted: they name the cluster as this command was told it, the namespace and the release.
 * In backticks, for sentences. Pure.
 */
import { COMPONENT_LABEL, INSTANCE_LABEL } from '../cluster/installation.ts'
import type { PlatformPod } from '../cluster/platform-kinds.ts'
import { shellLine, type Command } from '../install/helm-plan.ts'
import { valueOf, type NamedCluster, type Observation } from './observation.ts'

/** Where it was found; where there is none, where it would be installed by default. */
export function installCommand(observation: Observation): string {
  const { namespace, named } = observation
  const release = releaseOf(observation)
  const args = [
    ...(namespace === undefined ? [] : ['--namespace', namespace]),
    ...(release === undefined ? [] : ['--release', release]),
  ]
  return told('dormouse', named, ['install', ...args])
}

/** `namespace`: undefined for what lies in none. */
export function kubectl({ named }: Observation, namespace: string | undefined, args: readonly string[]): string {
  return told('kubectl', named, [...(namespace === undefined ? [] : ['-n', namespace]), ...args])
}

export function describeObject(
  { named }: Observation,
  { kind, namespace = '', name }: { kind: string; namespace: string | undefined; name: string },
): string {
  return told('dormouse', named, ['describe', kind, name, ...(namespace === '' ? [] : ['-n', namespace])])
}

/** All objects of `plural` that a part of the platform has. */
export function describePart(observation: Observation, plural: string, part: string): string {
  return kubectl(observation, observation.namespace, ['describe', plural, '-l', selectorOf(observation, part)])
}

/** Whole, of all its pods. */
export function logOfPart(observation: Observation, part: string): string {
  const args = ['logs', '-l', selectorOf(observation, part), '--prefix', '--tail=-1']
  return kubectl(observation, observation.namespace, args)
}

export interface PodCommands {
  describe: string
  /** Absent where there is no pod. */
  log?: string
}

export function podCommands(observation: Observation, { metadata, status }: PlatformPod): PodCommands {
  const { namespace, name } = metadata
  // The container that ended is still the one there is: there is no log of one before it.
  const isLast = status?.containerStatuses?.some(({ state }) => state?.terminated !== undefined) === true
  const ended = isLast || status?.phase === 'Failed' ? [] : ['--previous']
  return {
    describe: kubectl(observation, namespace, ['describe', 'pod', name]),
    log: kubectl(observation, namespace, ['logs', ...ended, name]),
  }
}

function selectorOf(observation: Observation, part: string): string {
  const release = releaseOf(observation)
  const instance = release === undefined ? '' : `${INSTANCE_LABEL}=${release},`
  return `${instance}app.kubernetes.io/name=dormouse,${COMPONENT_LABEL}=${part}`
}

function releaseOf({ namespace, services, deployments }: Observation): string | undefined {
  if (namespace === undefined) return undefined
  const objects = [...(valueOf(deployments) ?? []), ...(valueOf(services) ?? [])]
  return objects
    .filter(({ metadata }) => metadata.namespace === namespace)
    .map(({ metadata }) => metadata.labels?.[INSTANCE_LABEL])
    .find((name) => name !== undefined)
}

function told(program: Command['program'], { kubeconfig, context }: NamedCluster, args: readonly string[]): string {
  const cluster = [
    ...(kubeconfig === undefined ? [] : ['--kubeconfig', kubeconfig]),
    ...(context === undefined ? [] : ['--context', context]),
  ]
  return `\`${shellLine({ program, args: [...args, ...cluster] })}\``
}
