import { expect, test } from '@jest/globals'
import { poolKey, poolName, poolParts, poolSize } from '../../../api/pool-name.ts'

test.each([
  [{ namespace: 'shop', runtime: 'node' }, 'shop/node'],
  [{ namespace: 'shop', runtime: 'node', memoryMb: 1024 }, 'shop/node:1024Mi'],
] as const)('%j is %s, and back', (parts, key) => {
  expect(poolKey(parts)).toBe(key)
  expect(poolParts(key)).toEqual(parts)
  expect(`shop/${poolName(parts)}`).toBe(key)
})

test('of large pods one waits, unless none is to wait', () => {
  expect([0, 1, 3].map((size) => poolSize(size, { memoryMb: 512 }))).toEqual([0, 1, 1])
  expect(poolSize(3, {})).toBe(3)
})
