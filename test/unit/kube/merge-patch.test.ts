import { describe, expect, test } from '@jest/globals'
import { mergePatch } from '../../../kube/merge-patch.ts'

describe('a merge patch follows the examples of RFC 7386', () => {
  test.each([
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: 'b', c: null }, { a: 'b' }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ])('%j patched with %j is %j', (target, patch, want) => {
    expect(mergePatch(target, patch)).toEqual(want)
  })
})

test('a merge patch changes neither argument', () => {
  const target = { a: { b: 1 } }
  const patch = { a: { c: 2 } }
  mergePatch(target, patch)
  expect([target, patch]).toEqual([{ a: { b: 1 } }, { a: { c: 2 } }])
})

test('a patch cannot reach the prototype', () => {
  const merged = mergePatch({}, JSON.parse('{"__proto__": {"polluted": true}}') as Record<string, unknown>)
  expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
  expect((merged as { polluted?: boolean }).polluted).toBeUndefined()
  expect(Object.keys(merged)).toEqual(['__proto__'])
})
