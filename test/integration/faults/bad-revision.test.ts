import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { eventually } from '../../builders/eventually.ts'
import { functionManifest } from '../../builders/local-platform.ts'
import { startFaultBed, startLoad, type FaultBed } from './fault-bed.ts'

const GOOD = 'export const handler = () => "good"'

describe('a changed revision that does not load', () => {
  let bed: FaultBed
  beforeAll(async () => {
    bed = await startFaultBed({ initTimeoutMs: 2_000, manifests: [functionManifest('hello', GOOD)] })
  })
  afterAll(() => bed.stop())

  test.each([
    { fault: 'does not parse', code: 'export const handler = (' },
    { fault: 'throws on load', code: 'throw new Error("no")' },
    { fault: 'exports no handler', code: 'export const nothing = 1' },
    { fault: 'blocks while it loads', code: 'for (;;);' },
  ])('that $fault is refused, and the old one serves every request meanwhile', async ({ code }) => {
    const load = startLoad(() => bed.call('hello'), 2)
    const ends = await bed.apply(functionManifest('hello', code))
    expect(ends.get('Function hello')).toMatchObject({ kind: 'failed' })
    await load.end()
    expect(load.failures).toEqual([])
    expect(load.served).toBeGreaterThan(0)
    expect(await bed.condition('functions', 'hello', 'Ready')).toMatchObject({
      status: 'False',
      reason: 'CodeLoadFailed',
    })
    expect(await bed.condition('functions', 'hello', 'Serving')).toMatchObject({ status: 'True' })
    expect(await bed.call('hello')).toMatchObject({ status: 200, text: '"good"' })
  })

  test('is forgotten once the code is mended', async () => {
    await bed.apply(functionManifest('hello', 'export const handler = () => "better"'))
    expect(await bed.call('hello')).toMatchObject({ status: 200, text: '"better"' })
    expect(await bed.condition('functions', 'hello', 'Ready')).toMatchObject({ status: 'True' })
  })

  test('of a new Function says so before anybody calls', async () => {
    await bed.client.apply([functionManifest('early', 'export const handler = (')])
    const ready = await eventually('Ready is False', async () => {
      const condition = await bed.condition('functions', 'early')
      return condition?.status === 'False' && condition
    })
    expect(ready).toMatchObject({ reason: 'CodeLoadFailed', message: expect.stringContaining('index.mjs:1') })
  })
})
