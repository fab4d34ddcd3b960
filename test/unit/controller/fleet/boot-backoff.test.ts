import { expect, test } from '@jest/globals'
import { BootBackoff } from '../../../../controller/fleet/boot-backoff.ts'

test('two failures delay nothing, later ones double the wait up to a minute, one success forgets', () => {
  const backoff = new BootBackoff()
  const delays = Array.from({ length: 10 }, () => {
    backoff.failed('a/node', 'why', 0)
    return backoff.get('a/node').notBeforeMs
  })
  expect(delays).toEqual([0, 0, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000])
  backoff.succeeded('a/node')
  expect(backoff.get('a/node')).toMatchObject({ failures: 0, notBeforeMs: 0 })
})
