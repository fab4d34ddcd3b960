import { expect, test } from '@jest/globals'
import { BootBackoff } from '../../../../controller/fleet/boot-backoff.ts'

test('two failures delay nothing, later ones double the wait up to a minute, one success forgets', () => {
  const backoff = new BootBackoff()
  const delays = Array.from({ length: 10 }, () => {
    backoff.failed('a/node', { message: 'why', createdAtMs: 0, nowMs: 0 })
    return backoff.get('a/node').notBeforeMs
  })
  expect(delays).toEqual([0, 0, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000])
  backoff.forget('a/node')
  expect(backoff.get('a/node')).toMatchObject({ failures: 0, notBeforeMs: 0 })
})

test('pods that were booting when one failed are the same failure', () => {
  const backoff = new BootBackoff()
  for (const nowMs of [100, 101, 102]) backoff.failed('a/node', { message: 'why', createdAtMs: 50, nowMs })
  expect(backoff.get('a/node').failures).toBe(1)
})
