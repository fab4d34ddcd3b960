import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { PODS } from '../../../kube/objects.ts'
import { eventually } from '../../builders/eventually.ts'
import { functionManifest } from '../../builders/local-platform.ts'
import { startFaultBed, startLoad, type FaultBed } from './fault-bed.ts'

const CODE = `export const handler = async ({ crash }) => {
  await new Promise((resolve) => setTimeout(resolve, 5))
  if (crash) process.exit(1)
  return 'well'
}`

describe('a function that keeps crashing', () => {
  let bed: FaultBed
  let podsMade = 0
  beforeAll(async () => {
    bed = await startFaultBed({ verifyFirstRevision: false })
    bed.local.cluster.cache(PODS).subscribe({ added: () => void podsMade++ })
  })
  afterAll(() => bed.stop())

  test('fails the calls that crash it and no others', async () => {
    await bed.apply(functionManifest('moody', CODE))
    const good = startLoad(() => bed.call('moody'), 2)
    for (let crash = 0; crash < 15; crash++) {
      const answer = await bed.call('moody', { body: '{"crash":true}' })
      expect(answer).toMatchObject({ status: 500, headers: { 'dormouse-error': 'unhandled' } })
    }
    await good.end()
    expect(good.failures).toEqual([])
    expect(good.served).toBeGreaterThan(15)
  })

  test('is awake again for the first call after the crashes', async () => {
    expect(await bed.call('moody')).toMatchObject({ status: 200, text: '"well"' })
  })

  test('while it loads burns no more than a few pods, however many call it', async () => {
    await bed.apply(functionManifest('other', CODE))
    await bed.client.apply([functionManifest('broken', 'throw new Error("never")')])
    await eventually('it is known', () => bed.local.gateway.router.lane('default/broken') !== undefined)
    const before = podsMade
    const answers = await Promise.all(Array.from({ length: 40 }, () => bed.call('broken')))
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([502]))
    const [again] = await Promise.all(Array.from({ length: 10 }, () => bed.call('broken')))
    expect(again).toMatchObject({ status: 502 })
    expect(podsMade - before).toBeLessThanOrEqual(25)
    expect(await bed.call('other')).toMatchObject({ status: 200 })
  })
})
