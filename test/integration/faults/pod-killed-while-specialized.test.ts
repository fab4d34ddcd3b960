import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { eventually } from '../../builders/eventually.ts'
import { functionManifest } from '../../builders/local-platform.ts'
import { specializing, startFaultBed, waitingPods, type FaultBed } from './fault-bed.ts'
import { createGate } from './witness.ts'

describe('a pod that is killed while it is specialized', () => {
  let bed: FaultBed
  const gate = createGate()
  beforeAll(async () => {
    // The first Function of a namespace fills its pool.
    const filler = functionManifest('filler', 'export const handler = () => 1')
    bed = await startFaultBed({ verifyFirstRevision: false, poolSize: 2, manifests: [filler] })
  })
  afterAll(async () => {
    await bed.stop()
    gate.remove()
  })

  test('costs nobody an answer: the request is served by another pod', async () => {
    const waiting = await waitingPods(bed, 2)
    await bed.client.apply([
      functionManifest('slow', `${gate.code}await opened(); export const handler = () => process.pid`),
    ])
    await eventually('it is known', () => bed.local.gateway.router.lane('default/slow') !== undefined)
    const call = bed.call('slow')
    const victim = await eventually('a pod loads the code', () => specializing(waiting))
    const pid = bed.pidOf(victim)
    bed.kill(victim)
    gate.open()
    const answer = await call
    expect(answer).toMatchObject({ status: 200, text: expect.stringMatching(/^\d+$/) })
    expect(Number(answer.text)).not.toBe(pid)
    await eventually('it is ready', async () => (await bed.condition('functions', 'slow'))?.status === 'True')
  })
})
