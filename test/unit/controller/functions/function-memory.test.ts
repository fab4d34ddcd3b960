import { expect, test } from '@jest/globals'
import { FunctionMemory, nextFailure } from '../../../../controller/functions/function-memory.ts'
import type { StartFailure } from '../../../../controller/functions/function-memory.ts'
import { NOW_MS, pod } from '../../../builders/function-observation.ts'

const start = (nowMs: number) => ({ kind: 'start' as const, message: 'no room', nowMs })

test('waits double from half a second to a minute, and begin again after three quiet minutes', () => {
  let failure: StartFailure | undefined
  const waits: number[] = []
  for (let nowMs = 0, index = 0; index < 10; index += 1, nowMs = failure.retryAtMs) {
    failure = nextFailure(failure, start(nowMs))
    waits.push(failure.retryAtMs - nowMs)
  }
  expect(waits).toEqual([500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000])
  expect(nextFailure(failure, start(failure!.atMs + 180_000)).attempts).toBe(1)
})

test('a ready pod proves that its revision loads and ends the trouble of starting', () => {
  const memory = new FunctionMemory('a/x', 'u')
  memory.fail('r1', start(NOW_MS))
  memory.see([pod('r1')], NOW_MS)
  expect(memory.fates.get('r1')).toEqual({ kind: 'loads' })
  expect(memory.failures.size).toBe(0)
})

test('a pod that ends soon after it was ready is a failure; one that we retired or that lived is none', () => {
  const cases = [
    { ageMs: 500, retire: false, want: 1 },
    { ageMs: 500, retire: true, want: 0 },
    { ageMs: 20_000, retire: false, want: 0 },
  ]
  for (const { ageMs, retire, want } of cases) {
    const memory = new FunctionMemory('a/x', 'u')
    const it = pod('r1', 'ready', 0)
    memory.see([it], NOW_MS)
    if (retire) memory.retired(it.uid)
    memory.see([], NOW_MS + ageMs)
    expect(memory.failures.size).toBe(want)
  }
})

test('that pods end young is not cured by one more that starts', () => {
  const memory = new FunctionMemory('a/x', 'u')
  memory.see([pod('r1', 'ready', 0)], NOW_MS)
  memory.see([], NOW_MS + 100)
  memory.started('r1')
  memory.see([pod('r1', 'ready', 0)], NOW_MS + 700)
  memory.see([], NOW_MS + 800)
  expect(memory.failures.get('r1')?.attempts).toBe(2)
})

test('what is known of revisions that do not matter any more is dropped', () => {
  const memory = new FunctionMemory('a/x', 'u')
  memory.started('r1')
  memory.started('r2')
  memory.fail('r1', start(0))
  memory.keepOnly(new Set(['r2']))
  expect([...memory.fates.keys()]).toEqual(['r2'])
  expect(memory.failures.size).toBe(0)
})
