import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { eventually } from '../../builders/eventually.ts'
import { functionManifest } from '../../builders/local-platform.ts'
import { json, startFaultBed, type FaultBed } from './fault-bed.ts'
import { createGate, createWitness } from './witness.ts'

describe('a function that is deleted while requests wait for it', () => {
  let bed: FaultBed
  const witness = createWitness()
  const [answers, loads] = [createGate(), createGate()]
  beforeAll(async () => {
    bed = await startFaultBed()
  })
  afterAll(async () => {
    await bed.stop()
    for (const each of [witness, answers, loads]) each.remove()
  })

  test('answers those that wait for a slot with 404; the one that runs is finished', async () => {
    const code = `${witness.code}${answers.code}
export const handler = async ({ id }) => { begun(id); await opened(); return id }`
    await bed.apply(functionManifest('doomed', code, { scaling: { max: 1 } }))
    const running = bed.call('doomed', { body: '{"id":"running"}' })
    await eventually('the first one runs', () => witness.begun().length === 1)
    const waiting = Promise.all(['a', 'b', 'c'].map((id) => bed.call('doomed', { body: JSON.stringify({ id }) })))
    await eventually('three wait', () => bed.local.gateway.router.lane('default/doomed')?.queued === 3)
    await bed.client.delete({ plural: 'functions', name: 'doomed' })
    for (const answer of await waiting) expect(json(answer)).toMatchObject({ status: 404, code: 'unknown-function' })
    answers.open()
    expect(await running).toMatchObject({ status: 200, text: '"running"' })
    expect(witness.begun()).toEqual(['running'])
    await eventually('no pod is left', async () => (await bed.pods('doomed')).length === 0)
  })

  test('answers those that wait for it to wake with 404 at once', async () => {
    const code = `${loads.code}await opened(); export const handler = () => 1`
    await bed.client.apply([functionManifest('sleepy', code)])
    await eventually('it is known', () => bed.local.gateway.router.lane('default/sleepy') !== undefined)
    const startedMs = performance.now()
    const waking = Promise.all([bed.call('sleepy'), bed.call('sleepy')])
    await eventually('two wait', () => bed.local.gateway.router.lane('default/sleepy')?.queued === 2)
    await bed.client.delete({ plural: 'functions', name: 'sleepy' })
    for (const answer of await waking) expect(answer.status).toBe(404)
    // The code is still loading, and could for ten seconds.
    expect(performance.now() - startedMs).toBeLessThan(8_000)
    loads.open()
    await eventually('no pod is left', async () => (await bed.pods('sleepy')).length === 0)
  })
})
