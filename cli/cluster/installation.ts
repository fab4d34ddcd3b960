/** Where Dormouse is installed in a cluster, told by the labels of its Services. Pure. */
import { CliError } from '../cli-error.ts'
import { EXIT } from '../exit-codes.ts'
import type { PlatformService } from './platform-kinds.ts'

export const INSTALLATION_LABELS = { 'app.kubernetes.io/name': 'dormouse' } as const
export const COMPONENT_LABEL = 'app.kubernetes.io/component'
export const INSTANCE_LABEL = 'app.kubernetes.io/instance'
export const DEFAULT_SYSTEM_NAMESPACE = 'dormouse-system'
const DEFAULT_FULL_NAME = 'dormouse'

/** A Service as an API server's proxy names it. */
export interface ServicePlace {
  namespace: string
  service: string
  /** Name or number. */
  port: string
}

export interface Installation {
  namespace: string
  /** Of the gateways: every function. */
  internal: ServicePlace | undefined
  /** Of the dispatchers: events, dead letters, invocations. Undefined where there is no Kafka. */
  events: ServicePlace | undefined
}

/** `services`: those with INSTALLATION_LABELS. Throws CliError when there is not exactly one installation. */
export function installationOf(services: readonly PlatformService[], place: string): Installation {
  const namespaces = [...new Set(services.map(({ metadata }) => metadata.namespace ?? ''))].sort()
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

/** For those who may use the Services but not list them: where the chart puts them when nobody says otherwise. */
export function assumedInstallation(namespace: string): Installation {
  const place = (service: string, port: string) => ({ namespace, service: `${DEFAULT_FULL_NAME}-${service}`, port })
  return {
    namespace,
    internal: place('gateway-internal', 'http'),
    events: place('dispatcher-management', 'management'),
  }
}

type Port = NonNullable<PlatformService['spec']['ports']>[number]

function findPort(
  services: readonly PlatformService[],
  component: string,
  fits: (port: Port) => boolean,
): ServicePlace | undefined {
  for (const { metadata, spec } of services) {
    const port = metadata.labels?.[COMPONENT_LABEL] === component ? spec.ports?.find(fits) : undefined
    if (port === undefined) continue
    return { namespace: metadata.namespace ?? '', service: metadata.name, port: port.name ?? String(port.port) }
  }
  return undefined
}
