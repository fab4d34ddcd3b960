import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { eventually } from '../../builders/eventually.ts'
import { functionManifest } from '../../builders/local-platform.ts'
import { startFaultBed, type FaultBed } from './fault-bed.ts'
import { createGate, type Gate } from './witness.ts'

const spec = { scaling: { max: 1 } }
const answering = (text: string, { code }: Gate) =>
  `${code}export const handler = async () => { await opened(); await new Promise((resolve) => setTimeout(resolve, 120)); return '${text}' }`
const loading = (text: string, { code }: Gate) => `${code}await opened(); export const handler = () => '${text}'`

describe('a function that is changed while requests wait for it', () => {
  let bed: FaultBed
  beforeAll(async () => {
    bed = await startFaultBed()
  })
  const [answers, loads] = [createGate(), createGate()]
  afterAll(async () => {
    await bed.stop()
    for (const gate of [answers, loads]) gate.remove()
  })

  test('serves each of them by the old revision or the new one', async () => {
    await bed.apply(functionManifest('busy', answering('old', answers), spec))
    const calls = Promise.all(Array.from({ length: 8 }, () => bed.call('busy')))
    await eventually('seven wait', () => bed.local.gateway.router.lane('default/busy')?.queued === 7)
    const changed = functionManifest('busy', answering('new', answers), spec)
    await bed.client.apply([changed])
    answers.open()
    await bed.apply(changed)
    const told = (await calls).map(({ status, text }) => `${status} ${text}`)
    expect(told.filter((answer) => !/^200 "(old|new)"$/.test(answer))).toEqual([])
    expect((await bed.call('busy')).text).toBe('"new"')
  })

  test('serves those that wait for it to wake, too', async () => {
    await bed.client.apply([functionManifest('waking', loading('old', loads), spec)])
    await eventually('it is known', () => bed.local.gateway.router.lane('default/waking') !== undefined)
    const calls = Promise.all(Array.from({ length: 3 }, () => bed.call('waking')))
    await eventually('three wait', () => bed.local.gateway.router.lane('default/waking')?.queued === 3)
    const changed = functionManifest('waking', loading('new', loads), spec)
    await bed.client.apply([changed])
    loads.open()
    await bed.apply(changed)
    const told = (await calls).map(({ status, text }) => `${status} ${text}`)
    expect(told.filter((answer) => !/^200 "(old|new)"$/.test(answer))).toEqual([])
  })
})
