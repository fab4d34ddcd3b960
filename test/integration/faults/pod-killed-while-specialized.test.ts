import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { eventually } from '../../builders/eventually.ts'
import { functionManifest } from '../../builders/local-platform.ts'
import { specializing, startFaultBed, waitingPods, type FaultBed } from './fault-bed.ts'

const SLOW_TO_LOAD =
  'await new Promise((resolve) => setTimeout(resolve, 600)); export const handler = () => process.pid'

describe('a pod that is killed while it is specialized', () => {
  let bed: FaultBed
  beforeAll(async () => {
    // The first Function of a namespace fills its pool.
    const filler = functionManifest('filler', 'export const handler = () => 1')
    bed = await startFaultBed({ verifyFirstRevision: false, poolSize: 2, manifests: [filler] })
  })
  afterAll(() => bed.stop())

  test('costs nobody an answer: the request is served by another pod', async () => {
    const waiting = await waitingPods(bed, 2)
    await bed.client.apply([functionManifest('slow', SLOW_TO_LOAD)])
    await eventually('it is known', () => bed.local.gateway.router.lane('default/slow') !== undefined)
    const call = bed.call('slow')
    const victim = await eventually('a pod loads the code', () => specializing(waiting))
    const pid = bed.pidOf(victim)
    bed.kill(victim)
    const answer = await call
    expect(answer).toMatchObject({ status: 200, text: expect.stringMatching(/^\d+$/) })
    expect(Number(answer.text)).not.toBe(pid)
    expect(await bed.condition('functions', 'slow')).toMatchObject({ status: 'True' })
  })
})
