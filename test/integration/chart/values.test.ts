import { readFileSync } from 'node:fs'
import { describe, expect, test } from '@jest/globals'
import { parse } from 'yaml'
import { CHART, describeWithHelm, type Values } from '../../builders/helm.ts'

interface Schema {
  $ref?: string
  type?: string | string[]
  properties?: Record<string, Schema>
  additionalProperties?: boolean | Schema
}

const schema = JSON.parse(readFileSync(`${CHART}/values.schema.json`, 'utf8')) as Schema & {
  $defs: Record<string, Schema>
}
const resolve = (node: Schema): Schema => (node.$ref ? schema.$defs[node.$ref.replace('#/$defs/', '')]! : node)

/** Every path the schema names, and every path that has a default. */
function* schemaPaths(node: Schema, path: string): Generator<string> {
  for (const [name, child] of Object.entries(resolve(node).properties ?? {})) {
    yield `${path}.${name}`
    yield* schemaPaths(child, `${path}.${name}`)
  }
}
function* valuePaths(value: unknown, path: string): Generator<string> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return
  for (const [name, child] of Object.entries(value)) {
    yield `${path}.${name}`
    yield* valuePaths(child, `${path}.${name}`)
  }
}

describe('values.yaml', () => {
  const text = readFileSync(`${CHART}/values.yaml`, 'utf8')

  test('has a default of everything that the schema knows', () => {
    const defaults = new Set(valuePaths(parse(text), ''))
    expect([...schemaPaths(schema, '')].filter((path) => !defaults.has(path) && path !== '.global')).toEqual([])
  })

  test('says what each value is for, at it or inside it', () => {
    const blocks = text.match(/^(?:# .*\n)*\w+:.*\n(?:(?![#\w]).*\n)*/gm) ?? []
    expect(blocks).toHaveLength(Object.keys(parse(text) as object).length)
    expect(blocks.filter((block) => !block.includes('# -- '))).toEqual([])
  })
})

describeWithHelm('values that cannot be', (helm) => {
  const kafka = { brokers: ['kafka:9092'] }
  const rows: [string, Values, RegExp][] = [
    ['a value that does not exist', { gatway: {} }, /additional properties 'gatway' not allowed/],
    ['one inside another', { gateway: { replcas: 1 } }, /at '\/gateway': additional properties 'replcas' not allowed/],
    ['a number that is none', { gateway: { replicas: 'two' } }, /at '\/gateway\/replicas': got string, want integer/],
    [
      'a number below what can be',
      { controller: { replicas: -1 } },
      /'\/controller\/replicas': minimum: got -1, want 0/,
    ],
    ['a part that is null', { controller: null }, /missing property 'controller'/],
    [
      'a section inside a part that is null',
      { gateway: { autoscaling: null } },
      /at '\/gateway': missing property 'autoscaling'/,
    ],
    ['a value that names need and that is null', { clusterDomain: null }, /missing property 'clusterDomain'/],
    [
      'a level that is none',
      { logLevel: 'loud' },
      /'\/logLevel': value must be one of 'debug', 'info', 'warn', 'error'/,
    ],
    [
      'a pool without end',
      { runtimes: { node: { poolSize: 101 } } },
      /'\/runtimes\/node\/poolSize': maximum: got 101, want 100/,
    ],
    [
      'a label of nodes that is no text',
      { runtimes: { node: { nodeSelector: { gpu: true } } } },
      /'\/runtimes\/node\/nodeSelector\/gpu': got boolean, want string/,
    ],
    ['latest', { image: { tag: 'latest' } }, /image\.tag: expected a version, got latest/],
    [
      'latest of a Runtime',
      { runtimes: { node: { image: 'node:latest' } } },
      /runtimes\.node\.image: expected an image with a tag other than latest, or with a digest, got "node:latest"/,
    ],
    [
      'an image that says no version',
      { kafka: { embedded: { image: 'registry:5000/kafka' } } },
      /kafka\.embedded\.image: expected an image with a tag other than latest, or with a digest, got "registry:5000\/kafka"/,
    ],
    [
      'a Runtime without image',
      { runtimes: { ruby: { enabled: true, poolSize: 1 } } },
      /runtimes\.ruby\.image: expected an image, got none: only the Runtime node comes with Dormouse/,
    ],
    ['a broker without port', { kafka: { brokers: ['kafka'] } }, /kafka\.brokers: expected host:port, got "kafka"/],
    [
      'two Kafkas',
      { kafka: { ...kafka, embedded: { enabled: true } } },
      /kafka\.brokers and kafka\.embedded\.enabled: expected one of the two, got both/,
    ],
    [
      'security for a Kafka that has none',
      { kafka: { embedded: { enabled: true }, tls: { enabled: true } } },
      /kafka\.tls and kafka\.sasl: expected neither with kafka\.embedded\.enabled/,
    ],
    [
      'an authority without TLS',
      { kafka: { ...kafka, tls: { caSecret: 'ca' } } },
      /kafka\.tls\.enabled: expected true beside kafka\.tls\.caSecret or kafka\.tls\.certSecret, got false/,
    ],
    [
      'SASL without a password',
      { kafka: { ...kafka, sasl: { mechanism: 'plain', username: 'me' } } },
      /kafka\.sasl: expected username and passwordSecret beside mechanism/,
    ],
    [
      'a password without SASL',
      { kafka: { ...kafka, sasl: { username: 'me', passwordSecret: 's' } } },
      /kafka\.sasl\.mechanism: expected plain, scram-sha-256 or scram-sha-512/,
    ],
    [
      'more pods at least than at most',
      { gateway: { autoscaling: { minReplicas: 3, maxReplicas: 2 } } },
      /autoscaling: expected minReplicas up to maxReplicas, got 3 and 2/,
    ],
    [
      'a label by which the chart finds its pods',
      { gateway: { podLabels: { 'app.kubernetes.io/name': 'mine' } } },
      /gateway\.podLabels: app\.kubernetes\.io\/name is a label of the chart's own/,
    ],
    [
      'a name that no Service may have',
      { fullnameOverride: '9.lives' },
      /names begin with "9\.lives": expected a letter first, then letters, digits and hyphens/,
    ],
  ]
  test.each(rows)('are refused in a sentence: %s', async (_title, values, sentence) => {
    expect(await helm.refusal({ values })).toMatch(sentence)
  })
})

describeWithHelm('names that are something else to YAML', (helm) => {
  test.each(['123', '1e3', 'true', 'null', 'my.dormouse'])('%s names a release', async (release) => {
    const objects = await helm.render({ release, values: { fullnameOverride: 'dormouse' } })
    expect(new Set(objects.map(({ metadata }) => metadata.labels['app.kubernetes.io/instance']))).toEqual(
      new Set([release]),
    )
  })

  test.each(['123', '1e3', 'true'])('%s names a namespace', async (namespace) => {
    const values = { kafka: { embedded: { enabled: true } }, networkPolicy: { functionNamespaces: [namespace] } }
    const objects = await helm.render({ namespace, values, apiVersions: ['monitoring.coreos.com/v1'] })
    const namespaces = objects.map(({ metadata }) => metadata.namespace).filter((name) => name !== undefined)
    expect(new Set(namespaces)).toEqual(new Set([namespace]))
  })

  test('a broker may be named by an IPv6 address', async () => {
    const objects = await helm.render({ values: { kafka: { brokers: ['[fd00::1]:9092'] } } })
    expect(JSON.stringify(objects)).toContain('"[fd00::1]:9092"')
  })
})
