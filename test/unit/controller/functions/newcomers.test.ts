import { expect, test } from '@jest/globals'
import { Newcomers } from '../../../../controller/functions/newcomers.ts'

function came(times: readonly number[]): Newcomers {
  const newcomers = new Newcomers()
  for (const atMs of times) newcomers.arrived(atMs)
  return newcomers
}
const at = (count: number, ms: number) => Array<number>(count).fill(ms)

test('a hundred within ten seconds are no crowd, one more is, until ten seconds have passed', () => {
  expect(came(at(100, 0)).isCrowd(0)).toBe(false)
  const crowd = came([...at(100, 0), 9_000])
  expect(crowd.isCrowd(9_999)).toBe(true)
  expect(crowd.isCrowd(10_000)).toBe(false)
})

test('those who come one after the other are no crowd, however many', () => {
  expect(came(Array.from({ length: 1_000 }, (_, index) => index * 100)).isCrowd(99_900)).toBe(false)
  expect(came(Array.from({ length: 1_000 }, (_, index) => index * 99)).isCrowd(98_901)).toBe(true)
})
