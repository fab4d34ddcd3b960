import { expect, test } from '@jest/globals'
import { planChanges } from '../../../../cli/dev/plan-changes.ts'
import type { LoadedManifest, LoadedManifests } from '../../../../cli/manifests/load-manifests.ts'

function entry(name: string, file: string, code = 'one'): LoadedManifest {
  const manifest = { kind: 'Function', metadata: { name } }
  return {
    file,
    manifest: manifest as never,
    written: { ...manifest, spec: { code } },
    locate: () => ({ line: 1, column: 1 }),
  }
}
const loaded = (manifests: LoadedManifest[], wrong: string[] = []): LoadedManifests => ({
  manifests,
  mistakes: wrong.map((file) => ({ file, message: 'wrong' })),
  fingerprint: '',
})
const after = (manifests: LoadedManifest[]) => planChanges(loaded(manifests), new Map()).applied
const names = (entries: { manifest: { metadata: { name: string } } }[]) => entries.map((e) => e.manifest.metadata.name)

test('only what is new or different is applied', () => {
  const before = after([entry('a', '1.yaml'), entry('b', '1.yaml')])
  const { apply, remove } = planChanges(
    loaded([entry('a', '1.yaml'), entry('b', '1.yaml', 'two'), entry('c', '2.yaml')]),
    before,
  )
  expect(names(apply)).toEqual(['b', 'c'])
  expect(remove).toEqual([])
})

test('what no file describes any more is removed', () => {
  const { remove, applied } = planChanges(
    loaded([entry('a', '1.yaml')]),
    after([entry('a', '1.yaml'), entry('b', '2.yaml')]),
  )
  expect(remove).toMatchObject([{ name: 'b', kind: 'Function' }])
  expect([...applied.values()].map(({ name }) => name)).toEqual(['a'])
})

test('a file with a mistake keeps all that came from it', () => {
  const before = after([entry('a', '1.yaml'), entry('b', '2.yaml')])
  const { remove, applied } = planChanges(loaded([entry('a', '1.yaml')], ['2.yaml']), before)
  expect(remove).toEqual([])
  expect(applied.size).toBe(2)
})

test('an object that moves to another file is neither applied nor removed', () => {
  const { apply, remove } = planChanges(loaded([entry('a', 'new.yaml')]), after([entry('a', 'old.yaml')]))
  expect([apply, remove]).toEqual([[], []])
})
