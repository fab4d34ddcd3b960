/** Where Dormouse is installed in a cluster, told by the labels of its Services. Pure. */
import type { Service } from '../../kube/objects.ts'
import { CliError } from '../cli-error.ts'
import { EXIT } from '../exit-codes.ts'

export const INSTALLATION_LABELS = { 'app.kubernetes.io/name': 'dormouse' } as const
export const COMPONENT_LABEL = 'app.kubernetes.io/component'
export const INSTANCE_LABEL = 'app.kubernetes.io/instance'
export const VERSION_LABEL = 'app.kubernetes.io/version'

/** A port of the pods behind a Service. */
export interface ServicePlace {
  namespace: string
  service: string
  /** Labels of its pods. */
  selector: Record<string, string>
  /** Of the pods: a number, or the name of a port of theirs. */
  port: number | string
}

export interface Installation {
  namespace: string
  /** Of the gateways: every function. */
  internal: ServicePlace | undefined
  /** Of the dispatchers: events, dead letters, invocations. Undefined where there is no Kafka. */
  events: ServicePlace | undefined
}

/** `services`: those with INSTALLATION_LABELS. Throws CliError when there is not exactly one installation. */
export function installationOf(services: readonly Service[], place: string): Installation {
  const namespaces = namespacesOf(services)
  const [namespace] = namespaces
  if (namespace === undefined)
    throw new CliError(
      EXIT.unreachable,
      `found no Service of Dormouse in ${place}: install it with \`dormouse install\`, or say where it is with --system-namespace`,
    )
  if (namespaces.length > 1)
    throw new CliError(
      EXIT.usage,
      `found Dormouse in the namespaces ${namespaces.join(', ')}: say which with --system-namespace`,
    )
  return {
    namespace,
    internal: findPort(services, 'gateway', ({ targetPort }) => targetPort === 'internal'),
    events: findPort(services, 'dispatcher', ({ name }) => name === 'management'),
  }
}

export function namespacesOf(services: readonly Service[]): string[] {
  return [...new Set(services.map(({ metadata }) => metadata.namespace ?? ''))].sort()
}

type Port = NonNullable<Service['spec']['ports']>[number]

function findPort(
  services: readonly Service[],
  component: string,
  fits: (port: Port) => boolean,
): ServicePlace | undefined {
  for (const { metadata, spec } of services) {
    const found = metadata.labels?.[COMPONENT_LABEL] === component ? spec.ports?.find(fits) : undefined
    if (found === undefined || spec.selector === undefined) continue
    const { namespace = '', name: service } = metadata
    return { namespace, service, selector: spec.selector, port: found.targetPort ?? found.port }
  }
  return undefined
}
