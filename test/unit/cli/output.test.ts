import { describe, expect, test } from '@jest/globals'
import { parse } from 'yaml'
import type { KubeObject } from '../../../api/object.ts'
import { DEFINITIONS } from '../../../api/definitions.ts'
import { POD_KIND, CLI_KINDS, kindNamed, parseTarget } from '../../../cli/kinds.ts'
import { formatAge } from '../../../cli/output/age.ts'
import { objectTable } from '../../../cli/output/columns.ts'
import { printObjects, printValue } from '../../../cli/output/print-object.ts'
import { formatTable } from '../../../cli/output/table.ts'
import { crdFiles } from '../../../scripts/generate-crds.ts'

const S = 1000
const M = 60 * S
const H = 60 * M
const D = 24 * H

test.each([
  [0, '0s'],
  [-5, '0s'],
  [119 * S, '119s'],
  [2 * M, '2m'],
  [5 * M + 7 * S, '5m7s'],
  [12 * M, '12m'],
  [3 * H + 20 * M, '3h20m'],
  [30 * H, '30h'],
  [3 * D + 4 * H, '3d4h'],
  [100 * D, '100d'],
])('an age of %d ms reads %s', (ms, text) => {
  expect(formatAge(ms)).toBe(text)
})

test('columns are as wide as their widest cell and lines end without blanks', () => {
  expect(
    formatTable(
      ['NAME', 'X'],
      [
        ['a', '1'],
        ['long-name', ''],
      ],
    ),
  ).toBe('NAME        X\na           1\nlong-name')
})

const object = (kind: string, name: string, rest: object = {}): KubeObject =>
  ({
    apiVersion: 'v1',
    kind,
    metadata: { name, namespace: 'default', creationTimestamp: '2026-01-01T00:00:00Z' },
    ...rest,
  }) as never

test('a table shows a pod with its state and status', () => {
  const pod = object('Pod', 'p', { status: { phase: 'Running' } })
  const nowMs = Date.parse('2026-01-01T00:01:00Z')
  const text = objectTable({ kind: POD_KIND, objects: [pod], withNamespace: true, nowMs })
  expect(text.split('\n')[0]!.split(/ {3,}/)).toEqual([
    'NAMESPACE',
    'NAME',
    'STATE',
    'FUNCTION',
    'REVISION',
    'STATUS',
    'AGE',
  ])
  expect(text).toMatch(/default +p +Running +60s$/)
})

test.each(['Function', 'Trigger', 'Runtime'] as const)('%s has the columns that kubectl prints', (name) => {
  const kind = DEFINITIONS[name].kind
  const files = crdFiles()
  const crd = parse(files.get(`${kind.group}_${kind.plural}.yaml`)!)
  const columns = (crd.spec.versions[0].additionalPrinterColumns as { name: string }[]).map((column) =>
    column.name.toUpperCase(),
  )
  const head = objectTable({ kind, objects: [], withNamespace: false, nowMs: 0 })
  expect(head.split(/ {3,}/)).toEqual(['NAME', ...columns])
})

describe('objects as JSON and YAML', () => {
  test('one that was asked for by name stands alone', () => {
    expect(JSON.parse(printObjects([object('Pod', 'p')], 'json', true)).kind).toBe('Pod')
  })
  test('several, or none, are a List', () => {
    expect(parse(printObjects([], 'yaml', false))).toEqual({ apiVersion: 'v1', kind: 'List', items: [] })
  })
})

test.each(['json', 'yaml'] as const)('what is nested too deep to be laid out is on one line as %s', (format) => {
  const text = `${'['.repeat(20_000)}${']'.repeat(20_000)}`
  expect(printValue(JSON.parse(text), format) === `${text}\n`).toBe(true)
})

describe('kinds', () => {
  test.each(
    CLI_KINDS.flatMap(({ kind, plural, shortNames }) => [kind, plural, ...shortNames].map((word) => [word, kind])),
  )('%s names %s', (word, kind) => expect(kindNamed(word.toUpperCase()).kind).toBe(kind))
  test('an unknown one is a usage error that lists the known', () => {
    expect(() => kindNamed('deployment')).toThrow(/there is no kind "deployment"; expected one of functions \(fn\)/)
  })
  test('KIND/NAME in one word is understood', () => {
    expect(parseTarget(['fn/hello'])).toMatchObject({ kind: { kind: 'Function' }, names: ['hello'] })
  })
})
