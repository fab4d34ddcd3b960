/**
 * From a Definition to a CustomResourceDefinition as plain data: zod's JSON schema made structural, rules attached as CEL where they
 * stand. Pure; generate-crds.ts reads and writes the files.
 */
import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { Definition } from '../api/definitions.ts'
import { ANNOTATION, GROUP } from '../api/names.ts'
import type { Rule } from '../api/rule.ts'

export interface SchemaNode {
  type?: string
  description?: string
  default?: unknown
  properties?: Record<string, SchemaNode>
  items?: SchemaNode
  additionalProperties?: SchemaNode
  required?: string[]
  'x-kubernetes-validations'?: { rule: string; message: string }[]
  [keyword: string]: unknown
}

export interface PrinterColumn {
  name: string
  type: 'string' | 'integer' | 'date'
  jsonPath: string
  description: string
}

/** Order in which keywords are written: what a reader looks for first comes first. */
const KEYWORDS = [
  'description',
  'type',
  'format',
  'enum',
  'default',
  'required',
  'properties',
  'items',
  'additionalProperties',
]

const PART_OF_LABEL = 'app.kubernetes.io/part-of'

/** The CRD of one kind. */
export function crd(definition: Definition, columns: readonly PrinterColumn[]): object {
  const { group, plural } = definition.kind
  const spec = crdSpec(definition, columns)
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: `${plural}.${group}`,
      labels: { [PART_OF_LABEL]: 'dormouse' },
      annotations: { [ANNOTATION.schema]: hash(spec) },
    },
    spec,
  }
}

function crdSpec(definition: Definition, columns: readonly PrinterColumn[]): object {
  const { group, version, kind, plural, shortNames, namespaced } = definition.kind
  return {
    group,
    scope: namespaced ? 'Namespaced' : 'Cluster',
    names: {
      kind,
      listKind: `${kind}List`,
      plural,
      singular: kind.toLowerCase(),
      shortNames,
      categories: ['dormouse'],
    },
    versions: [
      {
        name: version,
        served: true,
        storage: true,
        ...(definition.status && { subresources: { status: {}, ...(definition.scale && { scale: definition.scale }) } }),
        additionalPrinterColumns: columns,
        schema: { openAPIV3Schema: rootSchema(definition) },
      },
    ],
  }
}

function hash(spec: object): string {
  return createHash('sha256').update(JSON.stringify(spec)).digest('hex').slice(0, 16)
}

function rootSchema(definition: Definition): SchemaNode {
  const { kind, version } = definition.kind
  const root: SchemaNode = {
    description: `${kind} of ${GROUP}/${version}.`,
    type: 'object',
    required: ['metadata', 'spec'],
    properties: {
      apiVersion: { description: `${GROUP}/${version}`, type: 'string' },
      kind: { description: kind, type: 'string' },
      metadata: { type: 'object', properties: { name: { type: 'string' } } },
      spec: structural(jsonSchema(definition.spec)),
      ...(definition.status && { status: structural(jsonSchema(definition.status)) }),
    },
  }
  for (const rule of definition.rules) attach(root, rule)
  return root
}

function jsonSchema(schema: z.ZodType): SchemaNode {
  return z.toJSONSchema(schema, { io: 'input', target: 'openapi-3.0' }) as SchemaNode
}

/** Without what Kubernetes forbids or zod invents: closed objects (it prunes), `$schema`, bounds of a JavaScript integer. */
function structural(node: SchemaNode): SchemaNode {
  const { properties, items, additionalProperties, minimum, maximum, ...rest } = node
  const kept: SchemaNode = { ...rest }
  delete kept['$schema']
  if (minimum !== undefined && minimum !== Number.MIN_SAFE_INTEGER) kept['minimum'] = minimum
  if (maximum !== undefined && maximum !== Number.MAX_SAFE_INTEGER) kept['maximum'] = maximum
  if (properties)
    kept.properties = Object.fromEntries(Object.entries(properties).map(([name, child]) => [name, structural(child)]))
  if (items) kept.items = structural(items)
  if (additionalProperties) kept.additionalProperties = structural(additionalProperties)
  if (kept.default !== undefined) kept.default = filledDefault(kept)
  return inOrder(kept)
}

/** The API server asks the rules about a default as it is written, before it fills the defaults inside it. */
function filledDefault(node: SchemaNode): unknown {
  if (!node.properties) return node.default
  const inner = Object.entries(node.properties).flatMap(([name, child]) =>
    child.default === undefined ? [] : [[name, child.default]],
  )
  return { ...Object.fromEntries(inner), ...(node.default as object) }
}

function inOrder(node: SchemaNode): SchemaNode {
  const rank = (keyword: string) => (KEYWORDS.indexOf(keyword) + KEYWORDS.length + 1) % (KEYWORDS.length + 1)
  return Object.fromEntries(Object.entries(node).sort(([a], [b]) => rank(a) - rank(b)))
}

function attach(root: SchemaNode, rule: Rule): void {
  const node = nodeAt(root, rule.path)
  ;(node['x-kubernetes-validations'] ??= []).push({ rule: rule.cel, message: rule.message })
}

/** Throws when the schema has no node there: a rule about nothing is a mistake in the rule. */
function nodeAt(root: SchemaNode, path: string): SchemaNode {
  let node: SchemaNode | undefined = root
  for (const segment of path.replaceAll('[]', '.[]').split('.')) {
    node = segment === '[]' ? node?.items : node?.properties?.[segment]
  }
  if (!node) throw new Error(`expected a schema node at ${path}, found none: a rule stands there`)
  return node
}
