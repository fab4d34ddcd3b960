import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { functionManifest } from '../../builders/local-platform.ts'
import { startFaultBed, startLoad, type FaultBed } from './fault-bed.ts'

const REVISIONS = 20
const revision = (n: number) => functionManifest('hello', `export const handler = () => ${n}`)

let bed: FaultBed
beforeAll(async () => {
  bed = await startFaultBed({ manifests: [revision(0)] })
})
afterAll(() => bed.stop())

test(`${REVISIONS} revisions rolled out under load fail no request, and each takes over`, async () => {
  const load = startLoad(() => bed.call('hello'), 3)
  for (let n = 1; n <= REVISIONS; n++) {
    const ends = await bed.apply(revision(n))
    expect(ends.get('Function hello')).toMatchObject({ kind: 'ready' })
    expect((await bed.call('hello')).text).toBe(String(n))
  }
  await load.end()
  expect(load.failures).toEqual([])
  expect(load.served).toBeGreaterThan(REVISIONS)
}, 120_000)
