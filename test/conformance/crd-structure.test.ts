import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { parseAllDocuments } from 'yaml'
import { DEFINITIONS } from '../../api/definitions.ts'
import { CRD_FOLDERS, crdFiles, staleFiles } from '../../scripts/generate-crds.ts'
import type { SchemaNode } from '../../scripts/crd.ts'
import { CRD_PLURALS, readCrd, schemaOf, serve } from '../builders/crd-server.ts'

/** Every node with the path that leads to it. */
function* nodes(node: SchemaNode, path: string): Generator<[string, SchemaNode]> {
  yield [path, node]
  for (const [name, child] of Object.entries(node.properties ?? {})) yield* nodes(child, `${path}.${name}`)
  if (node.items) yield* nodes(node.items, `${path}[]`)
  if (node.additionalProperties) yield* nodes(node.additionalProperties, `${path}{}`)
}

/** What apiextensions.k8s.io/v1 takes in a structural schema, as far as we use it. */
const ALLOWED = new Set([
  ...['description', 'type', 'format', 'enum', 'default', 'required', 'properties', 'items', 'additionalProperties'],
  ...['maxLength', 'maxItems', 'maxProperties', 'x-kubernetes-list-type', 'x-kubernetes-list-map-keys'],
  'x-kubernetes-validations',
])

describe.each(CRD_PLURALS)('the CRD of %s', (plural) => {
  const crd = readCrd(plural)
  const version = crd.spec.versions[0]!
  const all = [...nodes(schemaOf(crd), '')]
  const inSpec = all.filter(([path]) => path.startsWith('.spec'))

  test('is what the sources generate', () => {
    expect(crd.metadata.name).toBe(`${plural}.dormouse.dev`)
    const { kind } = Object.values(DEFINITIONS).find((each) => each.kind.plural === plural)!
    expect(crd.spec.names).toMatchObject({
      kind: kind.kind,
      plural,
      shortNames: kind.shortNames,
      categories: ['dormouse'],
    })
    expect(crd.spec.scope).toBe(kind.namespaced ? 'Namespaced' : 'Cluster')
    expect(version).toMatchObject({ name: 'v1alpha1', served: true, storage: true })
    expect(version.subresources !== undefined).toBe(kind.hasStatus)
  })

  test('has only keywords that Kubernetes takes in a structural schema', () => {
    for (const [path, node] of all) {
      const foreign = Object.keys(node).filter((keyword) => !ALLOWED.has(keyword))
      expect({ path, foreign }).toEqual({ path, foreign: [] })
    }
  })

  test('has a type on every node, and never both properties and additionalProperties', () => {
    for (const [path, node] of all) {
      expect({ path, type: node.type }).toEqual({
        path,
        type: expect.stringMatching(/^(object|array|string|integer|number|boolean)$/),
      })
      expect({ path, both: Boolean(node.properties && node.additionalProperties) }).toEqual({ path, both: false })
      if (node.type === 'array') expect({ path, items: node.items }).toEqual({ path, items: expect.anything() })
      if (node.type === 'object' && path !== '.metadata') {
        expect({ path, keys: Boolean(node.properties ?? node.additionalProperties) }).toEqual({ path, keys: true })
      }
    }
  })

  test('restricts no more of metadata than Kubernetes lets it', () => {
    const metadata = schemaOf(crd).properties!['metadata']!
    expect(Object.keys(metadata.properties ?? {})).toEqual(['name'])
  })

  test('requires only what exists and never what has a default', () => {
    for (const [path, node] of all) {
      for (const name of node.required ?? []) {
        expect({ path, name, known: node.properties?.[name] !== undefined }).toEqual({ path, name, known: true })
        expect({ path, name, default: node.properties?.[name]?.default }).toEqual({ path, name, default: undefined })
      }
    }
  })

  test('lists with keys name a required scalar of their items', () => {
    for (const [, node] of all.filter(([, each]) => each['x-kubernetes-list-type'] === 'map')) {
      for (const key of node['x-kubernetes-list-map-keys'] as string[]) {
        expect(node.items!.required).toContain(key)
        expect(node.items!.properties![key]!.type).toBe('string')
      }
    }
  })

  test('bounds every text, list and map of the spec, so that the cost of the rules is bounded', () => {
    for (const [path, node] of inSpec) {
      if (node.type === 'string' && !node['enum'])
        expect({ path, max: node['maxLength'] }).toEqual({ path, max: expect.any(Number) })
      if (node.type === 'array') expect({ path, max: node['maxItems'] }).toEqual({ path, max: expect.any(Number) })
      if (node.additionalProperties)
        expect({ path, max: node['maxProperties'] }).toEqual({ path, max: expect.any(Number) })
    }
  })

  test('describes every field: it is what kubectl explain shows', () => {
    for (const [path, node] of all) {
      if (/^$|metadata|\[\]$|\{\}$/.test(path)) continue
      if (path !== '.kind' && path !== '.apiVersion')
        expect({ path, end: node.description?.at(-1) }).toEqual({ path, end: '.' })
    }
  })

  test('has defaults that are complete and keep their own rules', () => {
    for (const [path, node] of all.filter(([, each]) => each.default !== undefined)) {
      const wrapped: SchemaNode = { type: 'object', properties: { it: node } }
      const { object, problems } = serve(wrapped, {})
      expect({ path, problems }).toEqual({ path, problems: [] })
      expect({ path, filled: object['it'] }).toEqual({ path, filled: node.default })
    }
  })

  test('has rules with one-line messages without a full stop', () => {
    for (const [, node] of all) {
      for (const { rule, message } of node['x-kubernetes-validations'] ?? []) {
        expect(rule.length).toBeLessThan(2000)
        expect(message).toMatch(/^[a-zA-Z][^\n]{5,250}[^.\n]$/)
      }
    }
  })

  test('prints columns that point at fields of the schema', () => {
    for (const { jsonPath } of version.additionalPrinterColumns) {
      const path = jsonPath.replace(/\[\?.*$/, '')
      const known = path.startsWith('.metadata') || all.some(([each]) => each === path)
      expect({ jsonPath, known }).toEqual({ jsonPath, known: true })
    }
  })
})

test('printer columns are those of the design', () => {
  const columns = CRD_PLURALS.map((plural) =>
    readCrd(plural).spec.versions[0]!.additionalPrinterColumns.map(({ name }) => name),
  )
  expect(columns).toEqual([
    ['Runtime', 'Ready', 'Pods', 'Url', 'Age'],
    ['Function', 'Path', 'Topics', 'Schedule', 'Ready', 'Age'],
    ['Image', 'Pool', 'Age'],
  ])
})

test.each(CRD_FOLDERS)('the files in %s are fresh', async (folder) => {
  expect(await staleFiles(folder)).toEqual([])
})

test('a file that is missing or differs is named as stale', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'crds-'))
  try {
    const [[first, content], [second, other]] = [...crdFiles()] as [
      [string, string],
      [string, string],
      [string, string],
    ]
    await writeFile(join(folder, first), content)
    await writeFile(join(folder, second), `${other}# edited\n`)
    expect(await staleFiles(folder)).toEqual([second, 'dormouse.dev_runtimes.yaml'])
    expect(await readFile(join(folder, first), 'utf8')).toBe(content)
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('put together without separators, as helm show crds does it, they are still one document each', () => {
  const documents = parseAllDocuments([...crdFiles().values()].join('\n'))
  expect(documents.map(({ errors }) => errors)).toEqual([[], [], []])
  const kinds = documents.map(
    (document) => (document.toJS() as { spec: { names: { plural: string } } }).spec.names.plural,
  )
  expect(kinds.sort()).toEqual([...CRD_PLURALS].sort())
})
