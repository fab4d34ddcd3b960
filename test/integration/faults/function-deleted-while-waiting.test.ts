import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { eventually } from '../../builders/eventually.ts'
import { functionManifest } from '../../builders/local-platform.ts'
import { json, startFaultBed, type FaultBed } from './fault-bed.ts'
import { createWitness } from './witness.ts'

describe('a function that is deleted while requests wait for it', () => {
  let bed: FaultBed
  const witness = createWitness()
  beforeAll(async () => {
    bed = await startFaultBed()
  })
  afterAll(async () => {
    await bed.stop()
    witness.remove()
  })

  test('answers those that wait for a slot with 404; the one that runs is finished', async () => {
    const code = `${witness.code}
export const handler = async ({ id }) => { begun(id); await new Promise((resolve) => setTimeout(resolve, 700)); return id }`
    await bed.apply(functionManifest('doomed', code, { scaling: { max: 1 } }))
    const running = bed.call('doomed', { body: '{"id":"running"}' })
    await eventually('the first one runs', () => witness.begun().length === 1)
    const waiting = Promise.all(['a', 'b', 'c'].map((id) => bed.call('doomed', { body: JSON.stringify({ id }) })))
    await eventually('three wait', () => bed.local.gateway.router.lane('default/doomed')?.queued === 3)
    await bed.client.delete({ plural: 'functions', name: 'doomed' })
    for (const answer of await waiting) expect(json(answer)).toMatchObject({ status: 404, code: 'unknown-function' })
    expect(await running).toMatchObject({ status: 200, text: '"running"' })
    expect(witness.begun()).toEqual(['running'])
    await eventually('no pod is left', async () => (await bed.pods('doomed')).length === 0)
  })

  test('answers those that wait for it to wake with 404 at once', async () => {
    const code = 'await new Promise((resolve) => setTimeout(resolve, 3000)); export const handler = () => 1'
    await bed.client.apply([functionManifest('sleepy', code)])
    await eventually('it is known', () => bed.local.gateway.router.lane('default/sleepy') !== undefined)
    const startedMs = performance.now()
    const waking = Promise.all([bed.call('sleepy'), bed.call('sleepy')])
    await eventually('two wait', () => bed.local.gateway.router.lane('default/sleepy')?.queued === 2)
    await bed.client.delete({ plural: 'functions', name: 'sleepy' })
    for (const answer of await waking) expect(answer.status).toBe(404)
    expect(performance.now() - startedMs).toBeLessThan(2_000)
    await eventually('no pod is left', async () => (await bed.pods('sleepy')).length === 0)
  })
})
