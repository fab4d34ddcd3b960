import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { eventually } from '../../builders/eventually.ts'
import { functionManifest } from '../../builders/local-platform.ts'
import { startFaultBed, type FaultBed } from './fault-bed.ts'

const spec = { scaling: { max: 1 } }
const answering = (text: string) =>
  `export const handler = async () => { await new Promise((resolve) => setTimeout(resolve, 120)); return '${text}' }`
const loading = (text: string) =>
  `await new Promise((resolve) => setTimeout(resolve, 500)); export const handler = () => '${text}'`

describe('a function that is changed while requests wait for it', () => {
  let bed: FaultBed
  beforeAll(async () => {
    bed = await startFaultBed()
  })
  afterAll(() => bed.stop())

  test('serves each of them by the old revision or the new one', async () => {
    await bed.apply(functionManifest('busy', answering('old'), spec))
    const calls = Promise.all(Array.from({ length: 8 }, () => bed.call('busy')))
    await eventually('seven wait', () => bed.local.gateway.router.lane('default/busy')?.queued === 7)
    await bed.apply(functionManifest('busy', answering('new'), spec))
    const answers = (await calls).map(({ status, text }) => `${status} ${text}`)
    expect(answers.filter((answer) => !/^200 "(old|new)"$/.test(answer))).toEqual([])
    expect((await bed.call('busy')).text).toBe('"new"')
  })

  test('serves those that wait for it to wake, too', async () => {
    await bed.client.apply([functionManifest('waking', loading('old'), spec)])
    await eventually('it is known', () => bed.local.gateway.router.lane('default/waking') !== undefined)
    const calls = Promise.all(Array.from({ length: 3 }, () => bed.call('waking')))
    await eventually('three wait', () => bed.local.gateway.router.lane('default/waking')?.queued === 3)
    await bed.apply(functionManifest('waking', loading('new'), spec))
    const answers = (await calls).map(({ status, text }) => `${status} ${text}`)
    expect(answers.filter((answer) => !/^200 "(old|new)"$/.test(answer))).toEqual([])
  })
})
