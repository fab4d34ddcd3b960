import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import type { KubeObject } from '../../../../api/object.ts'
import { mergePatch } from '../../../../kube/merge-patch.ts'
import { patchBetween, planApply } from '../../../../local/api/plan-apply.ts'

const object = (spec: object, metadata: object = {}): KubeObject =>
  ({ apiVersion: 'x/v1', kind: 'X', metadata: { name: 'a', ...metadata }, spec }) as never

const json = fc.dictionary(
  fc.string(),
  fc.oneof(fc.integer(), fc.string(), fc.array(fc.integer()), fc.dictionary(fc.string(), fc.integer())),
)

test('the patch between two objects makes one of the other', () => {
  fc.assert(
    fc.property(json, json, (from, to) => {
      const patch = patchBetween(from, to)
      expect(patch === undefined ? from : mergePatch(from, patch)).toEqual(to)
    }),
  )
})

test('nothing there: it is created', () => expect(planApply(object({}), undefined)).toEqual({ kind: 'create' }))

test('the same again changes nothing', () => {
  const current = object({ a: 1 }, { uid: 'u', labels: { x: '1', 'dormouse.dev/state': 's' } })
  expect(planApply(object({ a: 1 }, { labels: { x: '1' } }), current)).toEqual({ kind: 'unchanged' })
})

test('what the manifest no longer says is removed, the platform’s own labels stay', () => {
  const current = object({ a: 1, b: { c: 1, d: 2 } }, { labels: { x: '1', 'dormouse.dev/state': 's' } })
  expect(planApply(object({ b: { c: 1 } }), current)).toEqual({
    kind: 'patch',
    patch: { spec: { a: null, b: { d: null } }, metadata: { labels: { x: null } } },
  })
})

test('files named like parts of every object are added and removed like any other', () => {
  for (const name of ['constructor', '__proto__', 'toString']) {
    const file = JSON.parse(`{${JSON.stringify(name)}: "text"}`) as Record<string, unknown>
    expect(mergePatch({}, patchBetween({}, file) ?? {})).toEqual(file)
    expect(Object.keys(mergePatch(file, patchBetween(file, {}) ?? {}))).toEqual([])
  }
})
