import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { eventually } from '../../builders/eventually.ts'
import { functionManifest } from '../../builders/local-platform.ts'
import { startFaultBed, waitingPods, type FaultBed } from './fault-bed.ts'

const CODE = 'export const handler = () => "here"'

describe('a pod that is killed while it waits in the pool', () => {
  let bed: FaultBed
  beforeAll(async () => {
    bed = await startFaultBed({ verifyFirstRevision: false, manifests: [functionManifest('filler', CODE)] })
  })
  afterAll(() => bed.stop())

  test('is replaced by another', async () => {
    const before = await waitingPods(bed, 2)
    before.forEach((pod) => bed.kill(pod))
    const names = before.map(({ metadata }) => metadata.name)
    await eventually('two others wait', async () => {
      const after = (await waitingPods(bed, 2)).filter(({ metadata }) => !names.includes(metadata.name))
      return after.length === 2
    })
  })

  test('is not waited for by whoever wakes a function in that moment', async () => {
    const killed = await waitingPods(bed, 2)
    await bed.client.apply([functionManifest('hello', CODE)])
    await eventually('it is known', () => bed.local.gateway.router.lane('default/hello') !== undefined)
    killed.forEach((pod) => bed.kill(pod))
    expect(await bed.call('hello')).toMatchObject({ status: 200, text: '"here"' })
  })
})
