/** docs/triggers.md is what users write their manifests by: its examples work, and it leaves out no field and no default. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from '@jest/globals'
import { parse } from 'yaml'
import { parseManifest } from '../../api/validate.ts'
import type { SchemaNode } from '../../scripts/crd.ts'
import { readCrd, schemaOf } from '../builders/crd-server.ts'
import { kafkaManifest } from '../builders/manifests.ts'

type Json = Record<string, unknown>

const text = readFileSync('docs/triggers.md', 'utf8')
const examples = [...text.matchAll(/```yaml\n(.*?)```/gs)].map(([, yaml]) => parse(yaml ?? '') as Json)

/** Parts of a spec stand for a Trigger that has it. */
function wholeOf(example: Json): Json {
  if ('kind' in example) return example
  const spec = example['spec'] as Json
  const base = kafkaManifest()
  const isSource = ['http', 'kafka', 'cron'].some((source) => source in spec)
  return { ...base, spec: isSource ? { ...spec } : { ...(base['spec'] as Json), ...spec } }
}

test('its examples can be applied', () => {
  const parsed = examples.map((example) => parseManifest(wholeOf(example)))
  expect(parsed.map((each) => (each.kind === 'invalid' ? each.sentence : 'valid'))).toEqual(examples.map(() => 'valid'))
  expect(examples.length).toBeGreaterThanOrEqual(5)
})

const spec = (plural: string) => schemaOf(readCrd(plural)).properties!['spec']!.properties!

/** Leaves with their names and defaults. */
function* fields(node: SchemaNode, path: string): Generator<{ path: string; name: string; node: SchemaNode }> {
  for (const [name, child] of Object.entries(node.properties ?? {})) {
    yield { path: `${path}.${name}`, name, node: child }
    yield* fields(child, `${path}.${name}`)
  }
}

describe.each([
  ['http', spec('triggers')['http']!],
  ['kafka', spec('triggers')['kafka']!],
  ['cron', spec('triggers')['cron']!],
  ['retry', spec('triggers')['retry']!],
  ['deadLetter', spec('triggers')['deadLetter']!],
  ['async', spec('functions')['async']!],
])('the section about %s', (title, node) => {
  const start = text.indexOf(`\n## ${title}`)
  const end = text.indexOf('\n## ', start + 1)
  const section = text.slice(start, end === -1 ? undefined : end)
  const told = [...fields(node, title)].filter(({ path }) => title !== 'async' || !path.includes('backoff.'))

  test('stands in the page', () => expect(start).toBeGreaterThan(0))

  test('names every field', () => {
    // `backoff` stands for itself, or for its three fields.
    const missing = told.filter(({ name }) => !new RegExp(`\`(backoff\\.)?${name}[\`.]`).test(section))
    expect(missing.map(({ path }) => path)).toEqual([])
  })

  test('tells the defaults of scalars', () => {
    const scalars = told.filter(({ node: { default: value } }) =>
      ['string', 'number', 'boolean'].includes(typeof value),
    )
    const untold = scalars.filter(({ name, node: { default: value } }) => {
      const row = section.split('\n').find((line) => new RegExp(`^\\| \`(backoff\\.)?${name}\``).test(line))
      return row?.split('|')[2]?.trim() !== `\`${String(value)}\``
    })
    expect(untold.map(({ path }) => path)).toEqual([])
  })
})
