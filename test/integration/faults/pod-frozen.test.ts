import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { functionManifest } from '../../builders/local-platform.ts'
import { json, startFaultBed, type FaultBed } from './fault-bed.ts'

describe('a pod that is frozen as a whole, as on a node that hangs', () => {
  let bed: FaultBed
  beforeAll(async () => {
    const code = 'export const handler = () => process.pid'
    bed = await startFaultBed({ manifests: [functionManifest('hello', code, { timeout: '3s' })] })
  })
  afterAll(() => bed.stop())

  test('costs the first call its deadline; the next goes to another pod', async () => {
    const pid = Number((await bed.call('hello')).text)
    process.kill(pid, 'SIGSTOP')
    expect(json(await bed.call('hello'))).toMatchObject({ status: 504, code: 'deadline-exceeded' })
    const startedMs = performance.now()
    const next = await bed.call('hello')
    expect(next.status).toBe(200)
    expect(Number(next.text)).not.toBe(pid)
    // Not another deadline.
    expect(performance.now() - startedMs).toBeLessThan(3_000)
  })
})
