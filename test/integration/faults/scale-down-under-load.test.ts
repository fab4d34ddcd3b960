import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { eventually } from '../../builders/eventually.ts'
import { functionManifest } from '../../builders/local-platform.ts'
import { startFaultBed, startLoad, type FaultBed } from './fault-bed.ts'

const CODE = `export const handler = async ({ ms = 20 }) => {
  await new Promise((resolve) => setTimeout(resolve, ms))
  return 1
}`
const SLEEPERS = Array.from({ length: 8 }, (_, n) => `sleeper-${n}`)

describe('scaling down', () => {
  let bed: FaultBed
  beforeAll(async () => {
    bed = await startFaultBed({ verifyFirstRevision: false })
  })
  afterAll(() => bed.stop())

  test('from five pods to one under load fails no request', async () => {
    await bed.apply(functionManifest('busy', CODE, { scaling: { min: 5 } }))
    await eventually('five pods', async () => (await bed.pods('busy')).length === 5)
    const load = startLoad(() => bed.call('busy'), 4)
    await eventually('it is under load', () => load.served > 20)
    await bed.apply(functionManifest('busy', CODE, { scaling: { min: 1, max: 1 } }))
    await eventually('one pod', async () => (await bed.pods('busy')).length === 1)
    await load.end()
    expect(load.failures).toEqual([])
  })

  test('lets calls that run finish, however long they take', async () => {
    await bed.apply(functionManifest('long', CODE, { scaling: { min: 3 } }))
    await eventually('three pods', () => bed.local.gateway.router.lane('default/long')?.podCount === 3)
    const calls = Promise.all([1, 2, 3].map(() => bed.call('long', { body: '{"ms":2500}' })))
    await eventually('all run', () => bed.local.gateway.router.lane('default/long')?.inFlight === 3)
    await bed.apply(functionManifest('long', CODE, { scaling: { min: 1, max: 1 } }))
    expect((await calls).map(({ status }) => status)).toEqual([200, 200, 200])
    await eventually('one pod', async () => (await bed.pods('long')).length === 1)
  })

  test('to zero fails no request that comes just then', async () => {
    const scaling = { idleAfter: '1s' }
    await bed.client.apply(SLEEPERS.map((name) => functionManifest(name, CODE, { scaling })))
    await eventually('all are known', () =>
      SLEEPERS.every((name) => bed.local.gateway.router.lane(`default/${name}`) !== undefined),
    )
    const answers = await Promise.all(SLEEPERS.map((name) => bed.call(name)))
    const later = await Promise.all(
      SLEEPERS.map(async (name, n) => {
        await new Promise((resolve) => setTimeout(resolve, 900 + 150 * n))
        return bed.call(name)
      }),
    )
    expect([...answers, ...later].map(({ status }) => status)).toEqual(Array(16).fill(200))
    await eventually('all sleep again', async () => {
      const awake = await Promise.all(SLEEPERS.map((name) => bed.pods(name)))
      return awake.flat().length === 0
    })
  }, 60_000)
})
