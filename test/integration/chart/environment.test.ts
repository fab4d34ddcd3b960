import { expect, test } from '@jest/globals'
import { readEnvironment as readController } from '../../../controller/config.ts'
import { readEnvironment as readDispatcher } from '../../../dispatcher/config.ts'
import { kafkaOptions } from '../../../events/kafka/environment.ts'
import { readEnvironment as readGateway } from '../../../gateway/config.ts'
import { SECURED_KAFKA, VALUE_SETS } from '../../builders/chart-values.ts'
import { describeWithHelm, type Rendered } from '../../builders/helm.ts'

type Environment = Record<string, string>

const PARTS = {
  controller: { read: readController },
  gateway: { read: readGateway },
  dispatcher: { read: readDispatcher },
} as const

/** What the kubelet fills in. */
const DOWNWARD: Environment = {
  'metadata.name': 'dormouse-part-5d8f',
  'metadata.namespace': 'dormouse-system',
  'status.podIP': '10.0.0.1',
}

function environmentOf(objects: Rendered[], part: string): Environment | undefined {
  const deployment = objects.find(({ kind, metadata }) => kind === 'Deployment' && metadata.name === `dormouse-${part}`)
  if (!deployment) return undefined
  const { env } = deployment['spec'].template.spec.containers[0]
  return Object.fromEntries(
    (env as { name: string; value?: string; valueFrom?: { fieldRef: { fieldPath: string } } }[]).map((variable) => [
      variable.name,
      variable.value ?? DOWNWARD[variable.valueFrom!.fieldRef.fieldPath]!,
    ]),
  )
}

/** A schema asks for what it knows: the names it asked for are the names it knows. */
function spy(environment: Environment): { environment: Environment; known: Set<string> } {
  const known = new Set<string>()
  const note = (name: string | symbol) => typeof name === 'string' && name.startsWith('DORMOUSE_') && known.add(name)
  const proxy = new Proxy(environment, {
    get: (target, name) => (note(name), Reflect.get(target, name) as unknown),
    has: (target, name) => (note(name), Reflect.has(target, name)),
  })
  return { environment: proxy, known }
}

/** Left out: every address, of whatever family the cluster has. */
const LISTEN_HOST = 'DORMOUSE_LISTEN_HOST'

describeWithHelm('the environment of', (helm) => {
  for (const [part, { read }] of Object.entries(PARTS)) {
    test.each(Object.entries(VALUE_SETS))(`the ${part} is one that it understands, with %s`, async (_title, values) => {
      const rendered = environmentOf(await helm.render({ values }), part)
      if (!rendered) return expect(part).toBe('dispatcher')
      const { environment, known } = spy(rendered)
      expect(() => read(environment)).not.toThrow()
      expect(Object.keys(rendered).filter((name) => !known.has(name))).toEqual([])
    })

    test(`the ${part} leaves no variable to chance, and listens on every address`, async () => {
      const rendered = environmentOf(await helm.render({ values: { kafka: SECURED_KAFKA } }), part)!
      const { environment, known } = spy(rendered)
      read(environment)
      expect([...known].filter((name) => !(name in rendered))).toEqual([LISTEN_HOST])
    })
  }

  test.each(Object.keys(PARTS))('the %s names files of Kafka that are mounted', async (part) => {
    const objects = await helm.render({ values: { kafka: SECURED_KAFKA } })
    const environment = environmentOf(objects, part)!
    const { volumes, containers } = objects.find(
      ({ kind, metadata }) => kind === 'Deployment' && metadata.name === `dormouse-${part}`,
    )!['spec'].template.spec
    const mount = containers[0].volumeMounts.find(({ name }: { name: string }) => name === 'kafka')
    const volume = volumes.find(({ name }: { name: string }) => name === 'kafka')
    const mounted = new Map<string, string>(
      volume.projected.sources.flatMap(
        ({ secret }: { secret: { name: string; items: { key: string; path: string }[] } }) =>
          secret.items.map(({ key, path }) => [`${mount.mountPath}/${path}`, `${secret.name}/${key}`]),
      ),
    )
    const options = kafkaOptions(readDispatcher({ ...DATA_PLANE, ...environment }), (_name, path) => {
      const source = mounted.get(path)
      if (source === undefined) throw new Error(`expected ${path} to be mounted, got ${[...mounted.keys()].join(', ')}`)
      return source
    })
    expect(options).toEqual({
      brokers: SECURED_KAFKA.brokers,
      clientId: 'shop',
      replicationFactor: 3,
      transactions: true,
      tls: { ca: 'kafka-ca/ca.crt', cert: 'kafka-client/tls.crt', key: 'kafka-client/tls.key' },
      sasl: { mechanism: 'scram-sha-512', username: 'dormouse', password: 'kafka-password/pass' },
    })
  })
})

/** What the dispatcher's schema demands beside Kafka. */
const DATA_PLANE = { DORMOUSE_CONTROLLERS: 'http://controllers:8082', DORMOUSE_TOKEN_FILE: '/token' }
