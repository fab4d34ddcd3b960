/** An Observation of an installation in which nothing is wrong, for what doctor and status make of it. */
import { KINDS } from '../../api/kinds.ts'
import { LABEL } from '../../api/names.ts'
import type { Observation, Seen } from '../../cli/health/observation.ts'
import type { Deployment, PlatformPod } from '../../cli/cluster/platform-kinds.ts'

export const NOW_MS = Date.parse('2026-11-26T12:00:00Z')
export const NAMESPACE = 'dormouse-system'
export const minutesAgo = (minutes: number) => new Date(NOW_MS - minutes * 60_000).toISOString()
export const seen = <T>(value: T): Seen<T> => ({ kind: 'seen', value })

let uids = 0
export function meta(name: string, more: object = {}) {
  return {
    name,
    namespace: NAMESPACE,
    uid: `uid-${++uids}`,
    resourceVersion: '1',
    creationTimestamp: minutesAgo(60),
    ...more,
  }
}

const platformLabels = (component: string) => ({
  'app.kubernetes.io/name': 'dormouse',
  'app.kubernetes.io/component': component,
  'app.kubernetes.io/version': '0.1.0',
})

export function deployment(part: string, ready = 2, wanted = 2): Deployment {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: meta(`dormouse-${part}`, { labels: platformLabels(part) }),
    spec: {
      replicas: wanted,
      selector: {},
      template: { spec: { containers: [{ name: part, image: `x/dormouse-${part}:0.1.0` }] } },
    },
    status: { readyReplicas: ready },
  }
}

// eslint-disable-next-line max-params -- what a pod is told by, the last two seldom
export function pod(
  name: string,
  labels: Record<string, string>,
  status: PlatformPod['status'] = READY,
  more: object = {},
): PlatformPod {
  const containers = [{ name: 'main', image: 'x' }]
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: meta(name, { labels, ...more }),
    spec: { containers },
    ...(status && { status }),
  }
}

export const READY: PlatformPod['status'] = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] }

export const platformPod = (part: string, number: number, status?: PlatformPod['status']) =>
  pod(`dormouse-${part}-${number}`, platformLabels(part), status)

// eslint-disable-next-line max-params -- as pod
export const functionPod = (name: string, namespace: string, status?: PlatformPod['status'], more: object = {}) =>
  pod(name, { [LABEL.managedBy]: 'dormouse', [LABEL.runtime]: 'node', [LABEL.state]: 'generic' }, status, {
    namespace,
    ...more,
  })

const crd = (name: string) => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition' as const,
  metadata: meta(name),
  spec: { versions: [{ name: 'v1alpha1', served: true, schema: { openAPIV3Schema: SCHEMA } }] },
  status: { conditions: [{ type: 'Established', status: 'True' }] },
})
export const SCHEMA = {
  properties: { spec: { properties: { timeout: {}, scaling: { properties: { min: {}, max: {} } } } } },
}

export function fineInstallation(more: Partial<Observation> = {}): Observation {
  const names = KINDS.map(({ plural, group }) => `${plural}.${group}`)
  const parts = ['controller', 'gateway', 'dispatcher']
  return {
    ...{ cluster: 'context dev', named: {}, cliVersion: '0.1.0', nowMs: NOW_MS, namespace: NAMESPACE },
    apiServer: seen({ version: 'v1.35.4', timeMs: NOW_MS, ourTimeMs: NOW_MS }),
    crds: seen(names.map(crd)),
    wantedSchemas: new Map(names.map((name) => [name, SCHEMA])),
    services: seen([
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: meta('dormouse-gateway-internal', { labels: platformLabels('gateway') }),
        spec: { ports: [{ name: 'http', port: 80, targetPort: 'internal' }] },
      },
    ]),
    deployments: seen(parts.map((part) => deployment(part))),
    pods: seen(parts.flatMap((part) => [platformPod(part, 1), platformPod(part, 2)])),
    words: parts.map((component) => ({ pod: `dormouse-${component}-1`, component, ready: true, text: 'ok' })),
    leases: seen([
      {
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata: meta('dormouse-controller'),
        spec: {
          holderIdentity: 'dormouse-controller-1',
          leaseDurationSeconds: 6,
          acquireTime: minutesAgo(30),
          renewTime: new Date(NOW_MS - 1000).toISOString(),
        },
      },
    ]),
    ...{
      functions: seen([]),
      triggers: seen([]),
      runtimes: seen([]),
      functionPods: seen([]),
      functionServices: seen([]),
    },
    ...{ warnings: seen([]), policies: seen([]) },
    ...more,
  }
}
