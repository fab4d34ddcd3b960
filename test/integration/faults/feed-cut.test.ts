import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { eventually } from '../../builders/eventually.ts'
import { functionManifest, triggerManifest } from '../../builders/local-platform.ts'
import { json, startCuttableWay, startFaultBed, startLoad, type FaultBed } from './fault-bed.ts'

const CODE = 'export const handler = () => "here"'

describe('a gateway that is cut off from the controller', () => {
  let bed: FaultBed
  let way: Awaited<ReturnType<typeof startCuttableWay>>
  beforeAll(async () => {
    way = await startCuttableWay()
    bed = await startFaultBed({
      limits: { waitLimitMs: 5_000 },
      controllerVia: (url) => way.via(url),
      verifyFirstRevision: false,
      manifests: [functionManifest('warm', CODE), functionManifest('asleep', CODE), triggerManifest('warm', 'warm')],
    })
    await bed.call('warm')
  })
  afterAll(async () => {
    await bed.stop()
    await way.stop()
  })
  const connected = () => bed.local.gateway.router.feed.connected

  test('serves warm functions and routes from its last snapshot, and tells the others to come back', async () => {
    way.cut()
    await eventually('the cut is noticed', () => !connected())
    const load = startLoad(() => bed.visit('/'), 1)
    const sleeping = await bed.call('asleep')
    expect(sleeping).toMatchObject({ status: 503, headers: { 'retry-after': expect.any(String) } })
    expect(json(sleeping)).toMatchObject({ code: 'cannot-wake' })
    await load.end()
    expect(load.failures).toEqual([])
    expect(load.served).toBeGreaterThan(0)
  })

  test('learns all that happened meanwhile once it is connected again', async () => {
    await bed.client.apply([functionManifest('born', CODE)])
    await bed.client.delete({ plural: 'functions', name: 'asleep' })
    expect((await bed.call('born')).status).toBe(404)
    way.mend()
    await eventually('the feed is taken up', connected)
    await eventually('what came is known', async () => (await bed.call('born')).status !== 404)
    expect(await bed.call('born')).toMatchObject({ status: 200, text: '"here"' })
    await eventually('what went is not', async () => (await bed.call('asleep')).status === 404)
  })

  test('wakes a function whose request came while it was cut off, as soon as it no longer is', async () => {
    await bed.apply(functionManifest('patient', CODE))
    way.cut()
    await eventually('the cut is noticed', () => !connected())
    const call = bed.call('patient')
    await eventually('it waits', () => bed.local.gateway.router.lane('default/patient')?.queued === 1)
    way.mend()
    expect(await call).toMatchObject({ status: 200, text: '"here"' })
  })
})
