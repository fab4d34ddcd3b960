import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { eventually } from '../../builders/eventually.ts'
import { isAlive } from '../../builders/kubelet-bed.ts'
import { functionManifest } from '../../builders/local-platform.ts'
import { specializing, startFaultBed, waitingPods, type FaultBed } from './fault-bed.ts'
import { createGate } from './witness.ts'

const CODE = 'export const handler = () => process.pid'

describe('a controller that comes back finds', () => {
  let bed: FaultBed
  const gate = createGate()
  beforeAll(async () => {
    bed = await startFaultBed({ verifyFirstRevision: false })
  })
  afterAll(async () => {
    await bed.stop()
    gate.remove()
  })
  const lane = (name: string) => bed.local.gateway.router.lane(`default/${name}`)
  async function away(whileAway: () => unknown): Promise<void> {
    await bed.local.controller.stop()
    try {
      await whileAway()
    } finally {
      await bed.local.controller.start()
      await eventually('the feed is taken up', () => bed.local.gateway.router.feed.connected)
    }
  }

  test('the wake-up it was in the middle of: whoever waits is served', async () => {
    await bed.apply(functionManifest('waking', `${gate.code}await opened(); export const handler = () => "awake"`))
    const pods = await waitingPods(bed, 2)
    const call = bed.call('waking')
    await eventually('a pod loads the code', () => specializing(pods))
    await away(() => undefined)
    gate.open()
    expect(await call).toMatchObject({ status: 200, text: '"awake"' })
    expect(lane('waking')?.queued).toBe(0)
  })

  test('that a pod died meanwhile, and replaces it', async () => {
    await bed.apply(functionManifest('kept', CODE, { scaling: { min: 1 } }))
    const pid = Number((await bed.call('kept')).text)
    const pod = await bed.onlyPod('kept')
    await away(() => bed.kill(pod))
    const next = await bed.call('kept')
    expect(next.status).toBe(200)
    expect(Number(next.text)).not.toBe(pid)
  })

  test('that a function was deleted meanwhile, and its pods go', async () => {
    await bed.apply(functionManifest('gone', CODE))
    const pid = Number((await bed.call('gone')).text)
    await away(() => bed.client.delete({ plural: 'functions', name: 'gone' }))
    await eventually('it is unknown', async () => (await bed.call('gone')).status === 404)
    await eventually('its pod is gone', async () => (await bed.pods('gone')).length === 0)
    await eventually('so is the process', () => !isAlive(pid))
  })

  test('that a function was changed meanwhile, and rolls the change out', async () => {
    await bed.apply(functionManifest('changed', 'export const handler = () => "old"'))
    await bed.call('changed')
    await away(async () => {
      await bed.client.apply([functionManifest('changed', 'export const handler = () => "new"')])
      expect((await bed.call('changed')).text).toBe('"old"')
    })
    await eventually('the new revision serves', async () => (await bed.call('changed')).text === '"new"')
  })
})
