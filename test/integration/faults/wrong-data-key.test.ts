import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { functionManifest } from '../../builders/local-platform.ts'
import { exchange } from '../../builders/runtime-process.ts'
import { json, portsOf, startFaultBed, waitingPods, type FaultBed } from './fault-bed.ts'
import { createWitness } from './witness.ts'

describe('a request straight to a pod', () => {
  let bed: FaultBed
  const witness = createWitness()
  beforeAll(async () => {
    const code = `${witness.code}\nexport const handler = (event, res) => { begun('x'); return res.end ? res.end() : 1 }`
    bed = await startFaultBed({
      poolSize: 1,
      manifests: [
        functionManifest('event', code, { scaling: { min: 1 } }),
        functionManifest('web', code, { signature: 'http', scaling: { min: 1 } }),
      ],
    })
  })
  afterAll(async () => {
    await bed.stop()
    witness.remove()
  })

  test.each([
    { name: 'event', how: 'without a data key', headers: {} },
    { name: 'event', how: 'with a wrong data key', headers: { 'dormouse-key': 'guessed' } },
    { name: 'web', how: 'without a data key', headers: {} },
    { name: 'web', how: 'with a wrong data key', headers: { 'dormouse-key': 'guessed' } },
    {
      name: 'web',
      how: 'to upgrade',
      headers: { 'dormouse-key': 'guessed', connection: 'upgrade', upgrade: 'websocket' },
    },
  ])('of function $name $how is a 403 and runs nothing', async ({ name, headers }) => {
    const { data } = portsOf(await bed.onlyPod(name))
    const answer = await exchange(data, { method: 'POST', headers, body: '{}' })
    expect(answer.status).toBe(403)
    expect(answer.informational).toEqual([])
    expect(witness.begun()).toEqual([])
  })

  test('with the key of another function’s pod is a 403, too', async () => {
    const key = [...(bed.local.gateway.router.lane('default/web')?.pods() ?? [])][0]!.endpoint.dataKey
    const { data } = portsOf(await bed.onlyPod('event'))
    const answer = await exchange(data, { method: 'POST', headers: { 'dormouse-key': key }, body: '{}' })
    expect(answer.status).toBe(403)
    expect(witness.begun()).toEqual([])
  })

  test('that waits in the pool is refused as not specialized', async () => {
    const [pod] = await waitingPods(bed, 1)
    const answer = await exchange(portsOf(pod!).data, { method: 'POST', body: '{}' })
    expect(answer).toMatchObject({ status: 503, headers: { 'dormouse-refused': 'not-specialized' } })
    expect(answer.text === '' || typeof json(answer) === 'object').toBe(true)
  })
})
