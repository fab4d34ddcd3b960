import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { eventually } from '../../builders/eventually.ts'
import { functionManifest, triggerManifest } from '../../builders/local-platform.ts'
import { json, startFaultBed, type FaultBed } from './fault-bed.ts'

const CODE = 'export const handler = () => "here"'

describe('what does not exist', () => {
  let bed: FaultBed
  beforeAll(async () => {
    bed = await startFaultBed()
  })
  afterAll(() => bed.stop())

  test('a function is a 404 on the internal listener', async () => {
    const answer = await bed.call('nobody')
    expect(answer).toMatchObject({ status: 404, headers: { 'content-type': 'application/problem+json' } })
    expect(json(answer)).toMatchObject({ code: 'unknown-function', detail: 'there is no function default/nobody' })
  })

  test('a route is a 404 on the public listener, even for a function that exists', async () => {
    await bed.apply(functionManifest('private', CODE))
    for (const path of ['/', '/fn/default/private'])
      expect(json(await bed.visit(path))).toMatchObject({ status: 404, code: 'unknown-route' })
  })

  test('a Runtime makes its Function not ready and its calls 503, until it is created', async () => {
    await bed.client.apply([functionManifest('early', CODE, { runtime: 'later' })])
    const ready = await eventually('Ready is False', async () => {
      const condition = await bed.condition('functions', 'early')
      return condition?.status === 'False' && condition
    })
    expect(ready).toMatchObject({ reason: 'RuntimeNotFound', message: expect.stringContaining('"later"') })
    const refused = await bed.call('early')
    expect(refused).toMatchObject({ status: 503, headers: { 'retry-after': expect.stringMatching(/^\d+$/) } })
    expect(json(refused)).toMatchObject({ code: 'runtime-missing', detail: expect.stringContaining('"later"') })
    const spec = { image: 'local/node', pool: { size: 0 } }
    await bed.client.apply([
      { apiVersion: 'dormouse.dev/v1alpha1', kind: 'Runtime', metadata: { name: 'later' }, spec },
    ])
    await eventually('Ready is True', async () => (await bed.condition('functions', 'early'))?.status === 'True')
    expect(await bed.call('early')).toMatchObject({ status: 200, text: '"here"' })
  })

  test('a Trigger’s function makes the Trigger not ready and its route 404, until it is applied', async () => {
    await bed.client.apply([triggerManifest('soon', 'soon', { path: '/soon' })])
    const ready = await eventually('Ready is False', async () => {
      const condition = await bed.condition('triggers', 'soon')
      return condition?.status === 'False' && condition
    })
    expect(ready).toMatchObject({ reason: 'FunctionNotFound', message: expect.stringContaining('soon') })
    expect(json(await bed.visit('/soon'))).toMatchObject({ status: 404, code: 'unknown-function' })
    await bed.apply(functionManifest('soon', CODE))
    await eventually('Ready is True', async () => (await bed.condition('triggers', 'soon'))?.status === 'True')
    expect(await bed.visit('/soon')).toMatchObject({ status: 200, text: 'here' })
  })

  test('any more is a 404 again, and back when it is applied anew', async () => {
    await bed.client.delete({ plural: 'functions', name: 'soon' })
    await eventually('the route answers 404', async () => (await bed.visit('/soon')).status === 404)
    await bed.apply(functionManifest('soon', 'export const handler = () => "back"'))
    expect(await bed.visit('/soon')).toMatchObject({ status: 200, text: 'back' })
  })
})
