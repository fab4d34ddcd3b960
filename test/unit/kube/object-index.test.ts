import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import type { KubeObject } from '../../../api/object.ts'
import { matches, ObjectIndex } from '../../../kube/object-index.ts'

const name = fc.constantFrom('a', 'b', 'c')
const labels = fc.dictionary(fc.constantFrom('x', 'y'), fc.constantFrom('1', '2'))
const object = fc.record({ namespace: name, name, labels }).map((metadata): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { ...metadata, uid: '', resourceVersion: '', creationTimestamp: '' },
}))
const step = fc.oneof(
  object.map((value) => ({ kind: 'set' as const, value })),
  object.map((value) => ({ kind: 'delete' as const, value })),
)
const selector = fc.record({ namespace: name, labels }, { requiredKeys: [] })

test('a selection is what a filter over all objects finds, after any sets and deletes', () => {
  fc.assert(
    fc.property(fc.array(step), selector, (steps, wanted) => {
      const index = new ObjectIndex<KubeObject>()
      const all = new Map<string, KubeObject>()
      for (const { kind, value } of steps) {
        const key = `${value.metadata.namespace}/${value.metadata.name}`
        if (kind === 'set') {
          index.set(value)
          all.set(key, value)
        } else {
          index.delete(value.metadata)
          all.delete(key)
        }
      }
      expect(index.size).toBe(all.size)
      expect(new Set(index.select(wanted))).toEqual(new Set([...all.values()].filter((one) => matches(one, wanted))))
      for (const one of all.values()) expect(index.get(one.metadata)).toBe(one)
    }),
  )
})

test('a selection looks at the smallest bucket only', () => {
  let looks = 0
  const index = new ObjectIndex<KubeObject>()
  for (let number = 0; number < 1000; number += 1) {
    const labels = { all: 'yes', function: `f-${number}` }
    const metadata = {
      namespace: 'n',
      name: `p-${number}`,
      labels,
      uid: '',
      resourceVersion: '',
      creationTimestamp: '',
    }
    index.set({
      apiVersion: 'v1',
      kind: 'Pod',
      get metadata() {
        looks += 1
        return metadata
      },
    })
  }
  looks = 0
  expect(index.select({ namespace: 'n', labels: { all: 'yes', function: 'f-500' } })).toHaveLength(1)
  expect(looks).toBeLessThan(10)
})
