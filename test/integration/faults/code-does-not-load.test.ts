import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { functionManifest } from '../../builders/local-platform.ts'
import { eventually } from '../../builders/eventually.ts'
import { json, startFaultBed, type FaultBed } from './fault-bed.ts'

const INIT_TIMEOUT_MS = 2_000

const BAD_CODE = [
  { name: 'unparsable', code: 'export const handler = () => {\n  return (\n}', want: /SyntaxError.*index\.mjs:3/ },
  {
    name: 'throws-on-load',
    code: "\nthrow new TypeError('no config')",
    want: /TypeError: no config \(index\.mjs:2:7\)/,
  },
  { name: 'no-handler', code: 'export const other = () => 1', want: /index\.handler is undefined or not exported/ },
  { name: 'missing-module', code: "import 'left-pad'\nexport const handler = () => 1", want: /left-pad/ },
  { name: 'exits-on-load', code: 'process.exit(3)', want: /exit status 3/ },
  {
    name: 'never-loads',
    code: 'await new Promise(() => setInterval(() => {}, 50))',
    want: /did not finish within 2\.00 seconds/,
  },
  { name: 'blocks-on-load', code: 'for (;;);', want: /did not finish within 2\.00 seconds/ },
]

describe('code that does not load', () => {
  let bed: FaultBed
  beforeAll(async () => {
    bed = await startFaultBed({ initTimeoutMs: INIT_TIMEOUT_MS, verifyFirstRevision: false })
    await bed.apply(functionManifest('healthy', 'export const handler = () => "well"'))
  })
  afterAll(() => bed.stop())

  test.each(BAD_CODE)('$name: the caller, the condition and the events say why', async ({ name, code, want }) => {
    await bed.client.apply([functionManifest(name, code)])
    const answer = await eventually('the function is known', async () => {
      const got = await bed.call(name)
      return got.status !== 404 && got
    })
    expect(answer.status).toBe(502)
    expect(answer.headers['content-type']).toBe('application/problem+json')
    expect(json(answer)).toMatchObject({ code: 'code-load-failed', status: 502 })
    expect(json(answer)['detail']).toMatch(want)
    const ready = await eventually('Ready is False', async () => {
      const condition = await bed.condition('functions', name)
      return condition?.status === 'False' && condition
    })
    expect(ready).toMatchObject({ reason: 'CodeLoadFailed', message: expect.stringMatching(want) })
    const warning = await eventually('an Event', async () =>
      (await bed.events(name)).find(({ reason }) => reason === 'RolloutFailed'),
    )
    expect(warning).toMatchObject({ type: 'Warning', message: expect.stringMatching(want) })
    expect(await bed.pods(name)).toEqual([])
    expect(await bed.call('healthy')).toMatchObject({ status: 200, text: '"well"' })
  })
})
