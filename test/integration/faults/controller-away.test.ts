import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { eventually } from '../../builders/eventually.ts'
import { functionManifest } from '../../builders/local-platform.ts'
import { json, startFaultBed, startLoad, type FaultBed } from './fault-bed.ts'

const WAIT_LIMIT_MS = 3_000
const CODE = 'export const handler = () => process.pid'

describe('while the controller is away', () => {
  let bed: FaultBed
  let pidsBefore: number[]
  const pids = async (name: string) => (await bed.pods(name)).map((pod) => bed.pidOf(pod)).toSorted()
  beforeAll(async () => {
    bed = await startFaultBed({
      limits: { waitLimitMs: WAIT_LIMIT_MS },
      manifests: [functionManifest('warm', CODE, { scaling: { min: 2 } }), functionManifest('asleep', CODE)],
    })
    await eventually('two pods are warm', async () => (await pids('warm')).length === 2)
    await eventually('the other sleeps', async () => {
      const [pod] = await bed.pods('asleep')
      if (pod) await bed.client.delete({ plural: 'pods', name: pod.metadata.name })
      return pod === undefined
    })
    pidsBefore = await pids('warm')
    await bed.local.controller.stop()
  })
  afterAll(() => bed.stop())

  test('warm functions go on serving', async () => {
    const load = startLoad(() => bed.call('warm'), 2)
    const told = () => `200 served, not only ${load.served}; failed: ${load.failures.join()}`
    await eventually(told, () => load.served > 200, { withinMs: 60_000 })
    await load.end()
    expect(load.failures).toEqual([])
  }, 90_000)

  test('a sleeping function is a 503 with Retry-After within the wait limit', async () => {
    const startedMs = performance.now()
    const answer = await bed.call('asleep')
    // By the limit, not by the ten seconds after which a controller is given up.
    expect(performance.now() - startedMs).toBeLessThan(WAIT_LIMIT_MS + 5_000)
    expect(answer).toMatchObject({ status: 503, headers: { 'retry-after': expect.stringMatching(/^\d+$/) } })
    expect(json(answer)).toMatchObject({ code: 'cannot-wake', detail: expect.stringContaining('controller') })
  })

  test('what is applied is kept for when it is back', async () => {
    const [result] = await bed.client.apply([functionManifest('later', CODE)])
    expect(result).toMatchObject({ outcome: 'created' })
  })

  test('nothing is lost once it is back: the same pods serve, sleeping functions wake, new ones are there', async () => {
    const load = startLoad(() => bed.call('warm'), 2)
    await bed.local.controller.start()
    await eventually('the feed is taken up', () => bed.local.gateway.router.feed.connected)
    expect(await bed.call('asleep')).toMatchObject({ status: 200 })
    await eventually('the new function is known', async () => (await bed.call('later')).status === 200)
    await load.end()
    expect(load.failures).toEqual([])
    expect(await pids('warm')).toEqual(pidsBefore)
  })
})
