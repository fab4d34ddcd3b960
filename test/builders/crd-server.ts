/**
 * A very small API server: reads a generated CRD from disk and does to a manifest what the real one does with defaults and CEL, in the
 * same order and words. Types and bounds are left out: manifests given to it must keep them.
 */
import { readFileSync } from 'node:fs'
import { Environment } from '@marcbachmann/cel-js'
import { parse } from 'yaml'
import { CPU_PATTERN, cpuMillis, quantityBytes } from '../../api/quantity.ts'
import type { SchemaNode } from '../../scripts/crd.ts'

type Json = Record<string, unknown>

export interface CrdDocument {
  metadata: { name: string }
  spec: {
    group: string
    scope: string
    names: {
      kind: string
      listKind: string
      plural: string
      singular: string
      shortNames: string[]
      categories: string[]
    }
    versions: {
      name: string
      served: boolean
      storage: boolean
      subresources?: { status: object }
      additionalPrinterColumns: { name: string; type: string; jsonPath: string }[]
      schema: { openAPIV3Schema: SchemaNode }
    }[]
  }
}

export const CRD_PLURALS = ['functions', 'triggers', 'runtimes'] as const

export function readCrd(plural: string): CrdDocument {
  return parse(readFileSync(`crds/dormouse.dev_${plural}.yaml`, 'utf8')) as CrdDocument
}

export function schemaOf(crd: CrdDocument): SchemaNode {
  return crd.spec.versions[0]!.schema.openAPIV3Schema
}

/** What the CRD makes of a manifest: the object with defaults, and the CEL rules it breaks as `path: message`. */
export function serve(schema: SchemaNode, manifest: Json): { object: Json; problems: string[] } {
  const object = defaulted(schema, JSON.parse(JSON.stringify(manifest))) as Json
  return { object, problems: judge(schema, object, '') }
}

function defaulted(schema: SchemaNode, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => defaulted(schema.items!, item))
  if (typeof value !== 'object' || value === null) return value
  const filled: Json = {}
  for (const [name, inner] of Object.entries(value)) if (inner !== null) filled[name] = inner
  const { properties, additionalProperties: rest } = schema
  if (rest) return Object.fromEntries(Object.entries(filled).map(([name, inner]) => [name, defaulted(rest, inner)]))
  for (const [name, child] of Object.entries(properties ?? {})) {
    if (filled[name] === undefined && child.default !== undefined)
      filled[name] = JSON.parse(JSON.stringify(child.default))
    if (filled[name] !== undefined) filled[name] = defaulted(child, filled[name])
  }
  return filled
}

function judge(schema: SchemaNode, value: unknown, path: string): string[] {
  if (value === undefined || value === null) return []
  const own = (schema['x-kubernetes-validations'] ?? [])
    .filter(({ rule }) => compiled(rule)({ self: celValue(schema, value) }) !== true)
    .map(({ message }) => `${path}: Invalid value: ${typeof value === 'object' ? '' : `${goValue(value)}: `}${message}`)
  if (Array.isArray(value)) {
    return [...own, ...value.flatMap((item, index) => judge(schema.items!, item, `${path}[${index}]`))]
  }
  if (typeof value !== 'object') return own
  const children = Object.entries(schema.properties ?? {}).flatMap(([name, child]) =>
    judge(child, (value as Json)[name], path ? `${path}.${name}` : name),
  )
  return [...own, ...children]
}

/** Go's %v and %q of what the tables contain. */
function goValue(value: unknown): string {
  return JSON.stringify(value).replace(/\\u00/g, '\\x')
}

/** Integers are int and numbers double in CEL, as the schema says and not as the value looks. */
function celValue(schema: SchemaNode | undefined, value: unknown): unknown {
  if (schema?.type === 'integer') return BigInt(value as number)
  if (Array.isArray(value)) return value.map((item) => celValue(schema?.items, item))
  if (typeof value !== 'object' || value === null) return value
  return new Map(
    Object.entries(value).map(([key, inner]) => [
      key,
      celValue(schema?.properties?.[key] ?? schema?.additionalProperties, inner),
    ]),
  )
}

class Quantity {
  readonly bytes: number
  constructor(bytes: number) {
    this.bytes = bytes
  }
}

/** `100m` is a tenth of a processor, everything else counts in units. */
const amountOf = (text: string) => (new RegExp(CPU_PATTERN).test(text) ? cpuMillis(text) / 1000 : quantityBytes(text))

/** The functions of Kubernetes' own CEL libraries that our rules use and plain CEL lacks. */
const environment = new Environment()
  .registerVariable('self', 'dyn')
  .registerType('Quantity', { ctor: Quantity, fields: { bytes: 'double' } })
  .registerFunction('quantity(string): Quantity', (text: string) => new Quantity(amountOf(text)))
  .registerFunction('Quantity.compareTo(Quantity): int', (a: Quantity, b: Quantity) =>
    BigInt(Math.sign(a.bytes - b.bytes)),
  )
  .registerFunction('list.sum(): int', (numbers: bigint[]) => numbers.reduce((total, number) => total + number, 0n))

const programs = new Map<string, (context: object) => unknown>()

function compiled(rule: string): (context: object) => unknown {
  const known = programs.get(rule) ?? environment.parse(rule)
  programs.set(rule, known)
  return known
}
