import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { generateKeyPairSync, sign } from 'node:crypto'
import type { Pod } from '../../../kube/objects.ts'
import { functionManifest } from '../../builders/local-platform.ts'
import { exchange } from '../../builders/runtime-process.ts'
import { json, portsOf, startFaultBed, waitingPods, type FaultBed } from './fault-bed.ts'

describe('a specialization that is not the controller’s', () => {
  let bed: FaultBed
  let pod: Pod
  beforeAll(async () => {
    const filler = functionManifest('filler', 'export const handler = () => 1')
    bed = await startFaultBed({ verifyFirstRevision: false, poolSize: 1, manifests: [filler] })
    pod = (await waitingPods(bed, 1))[0]!
  })
  afterAll(() => bed.stop())

  const order = (podUid: string) =>
    JSON.stringify({
      podUid,
      expiresAt: Date.now() + 60_000,
      function: { namespace: 'default', name: 'forged', uid: 'forged' },
      revision: 'r1',
      handler: 'index.handler',
      signature: 'event',
      files: { 'index.mjs': 'export const handler = () => "forged"' },
      env: {},
      timeoutMs: 1_000,
      concurrency: 1,
      memoryMb: 128,
      dataKey: 'forged',
    })
  const forger = generateKeyPairSync('ed25519').privateKey
  const signedByForger = (body: string) => sign(null, Buffer.from(body), forger).toString('base64')

  test.each([
    { how: 'unsigned', headers: () => ({}) },
    { how: 'signed with another key', headers: (body: string) => ({ 'dormouse-signature': signedByForger(body) }) },
    { how: 'signed with nonsense', headers: () => ({ 'dormouse-signature': 'AAAA' }) },
  ])('($how) is refused with 403 and leaves the pod generic', async ({ headers }) => {
    const { control } = portsOf(pod)
    const body = order(pod.metadata.uid)
    const answer = await exchange(control, { method: 'POST', path: '/specialize', headers: headers(body), body })
    expect(answer.status).toBe(403)
    expect(json(await exchange(control, { path: '/healthz' }))).toEqual({ state: 'generic' })
  })

  test('does not spoil the pod: the next function wakes in it', async () => {
    await bed.apply(functionManifest('hello', 'export const handler = () => process.pid'))
    expect(await bed.call('hello')).toMatchObject({ status: 200, text: String(bed.pidOf(pod)) })
  })
})
