import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { exchange } from '../../builders/runtime-process.ts'
import { functionManifest, triggerManifest } from '../../builders/local-platform.ts'
import { json, startFaultBed, type FaultBed } from './fault-bed.ts'

const CODE = 'export const handler = () => "here"'

describe('an invalid manifest', () => {
  let bed: FaultBed
  beforeAll(async () => {
    bed = await startFaultBed({ manifests: [functionManifest('hello', CODE)] })
  })
  afterAll(() => bed.stop())

  test.each([
    [functionManifest('hello', CODE, { timeout: '1h' }), /spec\.timeout: .*between 1s and 15m/],
    [functionManifest('hello', CODE, { scaling: { min: 3, max: 2 } }), /min must not be greater than max/],
    [functionManifest('hello', CODE, { memory: '1Gi' }), /unknown field "spec\.memory"/],
    [functionManifest('hello', CODE, { signature: 'grpc' }), /spec\.signature: Unsupported value: "grpc"/],
    [functionManifest('hello', {}), /inline must contain at least one file/],
    [functionManifest('hello', { '../index.mjs': CODE }), /file paths must be relative/],
    [functionManifest('Not_A_Name', CODE), /Not_A_Name/],
    [triggerManifest('hello', 'hello', { path: 'no-slash' }), /spec\.http\.path/],
    [{ apiVersion: 'dormouse.dev/v1alpha1', kind: 'Gadget', metadata: { name: 'x' }, spec: {} }, /Gadget/],
    [{ kind: 'Function' }, /apiVersion/],
    ['not an object', /object/],
  ])('is refused with a sentence that names what is wrong', async (manifest, want) => {
    const [result] = await bed.client.apply([manifest])
    expect(result).toMatchObject({ outcome: 'refused', message: expect.stringMatching(want) })
    expect(await bed.call('hello')).toMatchObject({ status: 200, text: '"here"' })
  })

  test('holds up none of those applied with it', async () => {
    const good = functionManifest('beside', CODE)
    const results = await bed.client.apply([functionManifest('beside', CODE, { timeout: 'soon' }), good])
    expect(results.map(({ outcome }) => outcome)).toEqual(['refused', 'created'])
  })

  test.each(['{"manifests": ', '[]', '{"manifests": 3}'])('list that is not one (%s) is a 400', async (body) => {
    const port = Number(new URL(bed.managementUrl).port)
    const headers = { 'content-type': 'application/json' }
    const answer = await exchange(port, { method: 'POST', path: '/api/v1/apply', headers, body })
    expect(answer.status).toBe(400)
    expect(json(answer)['detail']).toEqual(expect.any(String))
  })
})
