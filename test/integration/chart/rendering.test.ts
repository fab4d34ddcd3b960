import { describe, expect, test } from '@jest/globals'
import { parseManifest } from '../../../api/validate.ts'
import { FUNCTION_NODES, VALUE_SETS } from '../../builders/chart-values.ts'
import { describeWithHelm, type Rendered } from '../../builders/helm.ts'

const WORKLOADS = ['Deployment', 'StatefulSet']
const names = (objects: Rendered[], kind: string) =>
  objects.filter((object) => object.kind === kind).map(({ metadata }) => metadata.name)
const find = (objects: Rendered[], kind: string, name: string): Rendered => {
  const found = objects.find((object) => object.kind === kind && object.metadata.name === name)
  if (!found) throw new Error(`expected ${kind} ${name}, got ${names(objects, kind).join(', ')}`)
  return found
}

/** Whatever makes pods, with the pods' metadata and spec. */
function podsOf(objects: Rendered[]): { name: string; metadata: Rendered['metadata']; spec: Rendered['spec'] }[] {
  return objects.flatMap((object) => {
    if (object.kind === 'Pod') return [{ name: object.metadata.name, metadata: object.metadata, spec: object['spec'] }]
    if (!WORKLOADS.includes(object.kind)) return []
    const { metadata, spec } = object['spec'].template
    return [{ name: object.metadata.name, metadata, spec }]
  })
}

const selects = (selector: Record<string, string>, labels: Record<string, string>) =>
  Object.entries(selector).every(([key, value]) => labels[key] === value)

describeWithHelm('the chart', (helm) => {
  describe('without any value', () => {
    test('has the parts that serve HTTP, each with its own service account, and the Runtime node', async () => {
      const objects = await helm.render()
      expect(names(objects, 'Deployment')).toEqual(['dormouse-controller', 'dormouse-gateway'])
      expect(names(objects, 'ServiceAccount')).toEqual(['dormouse-controller', 'dormouse-gateway'])
      expect(names(objects, 'PodDisruptionBudget')).toEqual(['dormouse-controller', 'dormouse-gateway'])
      expect(names(objects, 'Service').sort()).toEqual([
        'dormouse-controller-management',
        'dormouse-controllers',
        'dormouse-gateway',
        'dormouse-gateway-internal',
        'dormouse-gateway-management',
      ])
      expect(find(objects, 'Runtime', 'node')['spec']).toEqual({
        image: 'ghcr.io/dormouse-dev/dormouse-runtime-node:0.1.0',
        pool: { size: 3 },
      })
    })

    test('has Runtimes where the values place them, as the API takes them', async () => {
      const objects = await helm.render({ values: { runtimes: { node: FUNCTION_NODES } } })
      const runtime = find(objects, 'Runtime', 'node')
      expect(runtime['spec']).toMatchObject(FUNCTION_NODES)
      expect(parseManifest(runtime)).toMatchObject({ kind: 'valid' })
    })

    test('runs two of each, and a new version before the old one goes', async () => {
      const objects = await helm.render()
      for (const name of ['dormouse-controller', 'dormouse-gateway']) {
        const { spec } = find(objects, 'Deployment', name) as Rendered & { spec: Rendered }
        expect(spec['replicas']).toBe(2)
        expect(spec['strategy'].rollingUpdate).toEqual({ maxSurge: 1, maxUnavailable: 0 })
      }
    })

    test('makes nothing that the cluster lacks: no HorizontalPodAutoscaler, nothing of the Prometheus operator', async () => {
      const kinds = new Set((await helm.render()).map(({ apiVersion }) => apiVersion))
      expect([...kinds].sort()).toEqual([
        'apps/v1',
        'coordination.k8s.io/v1',
        'dormouse.dev/v1alpha1',
        'networking.k8s.io/v1',
        'policy/v1',
        'rbac.authorization.k8s.io/v1',
        'v1',
      ])
    })
  })

  describe.each(Object.entries(VALUE_SETS))('with %s', (_title, values) => {
    let objects: Promise<Rendered[]> | undefined
    const rendered = () => (objects ??= helm.render({ values }))

    test('every object has a name of its own and says what it belongs to', async () => {
      const objects = await rendered()
      const keys = objects.map(({ kind, metadata }) => `${kind} ${metadata.namespace ?? ''}/${metadata.name}`)
      expect(keys.filter((key, at) => keys.indexOf(key) !== at)).toEqual([])
      for (const { metadata } of objects) {
        expect(metadata.name.length).toBeLessThanOrEqual(63)
        expect(metadata.labels).toMatchObject({
          'app.kubernetes.io/name': 'dormouse',
          'app.kubernetes.io/instance': 'dormouse',
          'app.kubernetes.io/managed-by': 'Helm',
        })
      }
    })

    test('pods satisfy the restricted pod security standard', async () => {
      for (const { name, spec } of podsOf(await rendered())) {
        expect([name, spec.securityContext]).toEqual([
          name,
          expect.objectContaining({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } }),
        ])
        expect(spec.securityContext.runAsUser).toBeGreaterThan(0)
        for (const field of ['hostNetwork', 'hostPID', 'hostIPC', 'initContainers']) expect(spec[field]).toBeUndefined()
        for (const { securityContext } of spec.containers)
          expect(securityContext).toMatchObject({ allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } })
      }
    })

    test('images are of one version, never latest', async () => {
      const objects = await rendered()
      const images = [
        ...podsOf(objects).flatMap(({ spec }) => spec.containers.map(({ image }: { image: string }) => image)),
        ...objects.filter(({ kind }) => kind === 'Runtime').map((object) => object['spec'].image as string),
      ]
      for (const image of images) expect(image).toMatch(/:[^/:]+$/)
      expect(images.filter((image) => image.endsWith(':latest'))).toEqual([])
      const ours = images.filter((image) => image.includes('/dormouse-')).map((image) => image.split(':').at(-1))
      expect(new Set(ours).size).toBe(1)
    })

    test('every container asks for what it needs, has a memory limit and probes on a port it has', async () => {
      for (const { name, spec } of podsOf(await rendered())) {
        const [container] = spec.containers
        expect(container.resources).toMatchObject({
          requests: { cpu: expect.anything(), memory: expect.anything() },
          limits: { memory: expect.anything() },
        })
        if (name.endsWith('-test')) continue
        const ports = container.ports.map((port: { name: string }) => port.name)
        for (const probe of ['startupProbe', 'readinessProbe', 'livenessProbe']) {
          const { httpGet, tcpSocket } = container[probe]
          expect(ports).toContain((httpGet ?? tcpSocket).port)
        }
      }
    })

    test('applied by kubectl or Argo CD a second time it changes nothing: no default is missing where they would see one', async () => {
      const objects = await rendered()
      const of = (kind: string) => objects.filter((object) => object.kind === kind).map((object) => object['spec'])
      const ports = of('NetworkPolicy').flatMap(({ ingress }) =>
        ingress.flatMap((rule: Rendered) => rule['ports'] ?? []),
      )
      for (const port of ports) expect(port).toEqual({ port: expect.anything(), protocol: 'TCP' })
      for (const { strategy } of of('Deployment')) expect(strategy.type).toBeDefined()
      const containers = podsOf(objects).flatMap(({ spec }) => spec.containers)
      const variables = containers.flatMap(({ env = [] }) => env.map(({ valueFrom }: Rendered) => valueFrom?.fieldRef))
      for (const reference of variables.filter(Boolean)) expect(reference.apiVersion).toBe('v1')
      // What is false is not stored.
      for (const spec of of('Service')) expect(Object.values(spec)).not.toContain(false)
    })

    test('every Service, budget and autoscaler finds pods, and every port of a Service exists there', async () => {
      const objects = await rendered()
      const pods = podsOf(objects)
      for (const service of objects.filter(({ kind }) => kind === 'Service')) {
        const behind = pods.filter(({ metadata }) => selects(service['spec'].selector, metadata.labels))
        expect([service.metadata.name, behind.length]).toEqual([service.metadata.name, 1])
        const ports = behind[0]!.spec.containers[0].ports.map((port: { name: string }) => port.name)
        for (const { targetPort } of service['spec'].ports) expect(ports).toContain(targetPort)
      }
      for (const budget of objects.filter(({ kind }) => kind === 'PodDisruptionBudget'))
        expect(
          pods.filter(({ metadata }) => selects(budget['spec'].selector.matchLabels, metadata.labels)),
        ).toHaveLength(1)
      for (const scaler of objects.filter(({ kind }) => kind === 'HorizontalPodAutoscaler')) {
        const target = find(objects, 'Deployment', scaler['spec'].scaleTargetRef.name)
        expect(target['spec'].replicas).toBeUndefined()
      }
    })

    test('no pod has the API\u2019s token but the controller\u2019s', async () => {
      for (const { name, spec } of podsOf(await rendered()))
        expect([name, spec.automountServiceAccountToken]).toEqual([name, name === 'dormouse-controller'])
    })

    test('a pod that is told to end has longer than it takes', async () => {
      for (const { name, spec } of podsOf(await rendered())) {
        if (!/-(gateway|dispatcher)$/.test(name)) continue
        const [{ env, lifecycle }] = spec.containers
        const drainMs = Number(env.find((variable: { name: string }) => variable.name === 'DORMOUSE_DRAIN_MS').value)
        const before = Number(lifecycle?.preStop.sleep.seconds ?? 0)
        expect(spec.terminationGracePeriodSeconds).toBeGreaterThan(before + drainMs / 1000)
      }
    })
  })

  test('data planes have a token for the controllers alone, and the controllers know whose', async () => {
    const objects = await helm.render({ values: { kafka: { brokers: ['kafka:9092'] } }, namespace: 'faas' })
    for (const part of ['gateway', 'dispatcher']) {
      const { spec } = find(objects, 'Deployment', `dormouse-${part}`)['spec'].template
      expect(spec.serviceAccountName).toBe(`dormouse-${part}`)
      const [volume] = spec.volumes
      expect(volume.projected.sources).toEqual([
        { serviceAccountToken: { path: 'token', audience: 'dormouse-controller', expirationSeconds: 3600 } },
      ])
      const [mount] = spec.containers[0].volumeMounts
      expect(mount).toEqual({ name: volume.name, mountPath: '/var/run/secrets/dormouse', readOnly: true })
      expect(variable(objects, part, 'DORMOUSE_TOKEN_FILE')).toBe('/var/run/secrets/dormouse/token')
    }
    expect(variable(objects, 'controller', 'DORMOUSE_DATA_PLANES')).toBe(
      'faas/dormouse-gateway,faas/dormouse-dispatcher',
    )
  })

  test('what a process of ours says last is kept as the reason why it ended', async () => {
    const pods = podsOf(await helm.render({ values: { kafka: { brokers: ['kafka:9092'] } } }))
    const containers = pods.filter(({ name }) => !name.endsWith('-test')).flatMap(({ spec }) => spec.containers)
    const policies = containers.map(({ terminationMessagePolicy }) => terminationMessagePolicy as string)
    expect(policies).toEqual(Array.from({ length: 3 }, () => 'FallbackToLogsOnError'))
  })

  test('pods of functions have a writable root unless that is forbidden', async () => {
    const rootOf = async (values: Record<string, unknown>) =>
      variable(await helm.render({ values }), 'dormouse-controller', 'DORMOUSE_POD_ROOT')
    expect(await rootOf({})).toBe('writable')
    expect(await rootOf({ functions: { readOnlyRootFilesystem: true } })).toBe('read-only')
  })

  test('addresses between the parts are those of the Services that are made', async () => {
    const objects = await helm.render({ release: 'blue', namespace: 'faas', values: { clusterDomain: 'example.org' } })
    expect(variable(objects, 'blue-dormouse-gateway', 'DORMOUSE_CONTROLLERS')).toBe(
      'http://blue-dormouse-controllers.faas.svc.example.org:8082',
    )
    const internal = 'blue-dormouse-gateway-internal.faas.svc.example.org'
    expect(variable(objects, 'blue-dormouse-controller', 'DORMOUSE_PLATFORM_URL')).toBe(`http://${internal}`)
    expect(variable(objects, 'blue-dormouse-controller', 'DORMOUSE_FUNCTION_SERVICES')).toBe(internal)
    const { spec } = find(objects, 'Service', 'blue-dormouse-controllers')
    expect(spec).toMatchObject({ clusterIP: 'None', ports: [{ port: 8082 }] })
    expect(spec.publishNotReadyAddresses ?? false).toBe(false)
    expect(find(objects, 'Service', 'blue-dormouse-gateway-internal')['spec'].ports).toMatchObject([
      { port: 80, targetPort: 'internal' },
    ])
  })

  test('a Kafka inside has one node, and is where all parts look for it', async () => {
    const objects = await helm.render({ values: VALUE_SETS['Kafka in the cluster']! })
    const host = 'dormouse-kafka.dormouse-system.svc.cluster.local:9092'
    for (const part of ['controller', 'gateway', 'dispatcher']) {
      expect(variable(objects, part, 'DORMOUSE_KAFKA')).toBe(host)
      expect(variable(objects, part, 'DORMOUSE_KAFKA_REPLICATION')).toBe('1')
      expect(variable(objects, part, 'DORMOUSE_KAFKA_TRANSACTIONS')).toBeUndefined()
    }
    const { spec } = find(objects, 'StatefulSet', 'dormouse-kafka')
    expect(spec.replicas).toBe(1)
    const { env } = spec.template.spec.containers[0]
    expect(env).toContainEqual({ name: 'KAFKA_ADVERTISED_LISTENERS', value: `PLAINTEXT://${host}` })
  })

  test('of two releases no object has the name of another\u2019s but the keys, of which a namespace has one', async () => {
    const values = { runtimes: { node: { enabled: false } }, networkPolicy: { functionNamespaces: [] } }
    const keys = async (release: string) =>
      (await helm.render({ release, values })).map(({ kind, metadata }) => `${kind} ${metadata.name}`)
    const [one, other] = await Promise.all([keys('dormouse'), keys('other')])
    expect(one.filter((key) => other.includes(key))).toEqual(['Secret dormouse-keys'])
  })

  test('nothing of a pod changes with the chart\u2019s version alone: pods would be replaced for nothing', async () => {
    for (const { metadata } of podsOf(await helm.render()).filter(({ name }) => !name.endsWith('-test')))
      expect(Object.keys(metadata.labels).sort()).toEqual([
        'app.kubernetes.io/component',
        'app.kubernetes.io/instance',
        'app.kubernetes.io/name',
        'app.kubernetes.io/part-of',
      ])
  })
})

/** Of a part of the release dormouse, or of a Deployment by its whole name. */
function variable(objects: Rendered[], part: string, name: string): string | undefined {
  const { env } = find(objects, 'Deployment', part.includes('-') ? part : `dormouse-${part}`)['spec'].template.spec
    .containers[0]
  return (env as { name: string; value?: string }[]).find((each) => each.name === name)?.value
}
