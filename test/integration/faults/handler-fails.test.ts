import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { functionManifest, triggerManifest } from '../../builders/local-platform.ts'
import { json, startFaultBed, type FaultBed } from './fault-bed.ts'

const CODE = `
const circular = {}
circular.self = circular
const faults = {
  throws() { throw new TypeError('wrong type') },
  rejects: async () => { throw Object.assign(new Error('no stock'), { name: 'OutOfStock' }) },
  hangs: () => new Promise(() => setInterval(() => {}, 100)),
  forgets: () => new Promise(() => {}),
  exits() { process.exit(7) },
  kills() { process.kill(process.pid, 'SIGKILL') },
  uncaught: () => new Promise(() => setTimeout(() => { throw new Error('from a timer') }, 5)),
  bigint: () => ({ n: 1n }),
  circular: () => circular,
  large: () => 'x'.repeat(10 * 1024 * 1024),
}
export const handler = (event) => {
  const fault = event.fault ?? event.queryStringParameters?.fault
  return fault ? faults[fault]() : process.pid
}`

const FAULTS = [
  { fault: 'throws', kind: 'handled', type: 'TypeError', message: /^wrong type$/ },
  { fault: 'rejects', kind: 'handled', type: 'OutOfStock', message: /^no stock$/ },
  { fault: 'hangs', kind: 'timeout', type: 'Sandbox.Timedout', message: /timed out after 2\.00 seconds/ },
  { fault: 'forgets', kind: 'unhandled', type: 'Runtime.NodeJsExit', message: /never settled/ },
  { fault: 'exits', kind: 'unhandled', type: 'Runtime.ExitError', message: /exit status 7/ },
  { fault: 'kills', kind: 'unhandled', type: 'Runtime.ExitError', message: /SIGKILL/ },
  { fault: 'uncaught', kind: 'unhandled', type: 'Error', message: /from a timer/ },
  { fault: 'bigint', kind: 'unhandled', type: 'Runtime.MarshalError', message: /BigInt/ },
  { fault: 'circular', kind: 'unhandled', type: 'Runtime.MarshalError', message: /circular/ },
  { fault: 'large', kind: 'unhandled', type: 'Function.ResponseSizeTooLarge', message: /exceeded maximum/ },
]

describe('a handler that', () => {
  let bed: FaultBed
  beforeAll(async () => {
    const manifests = [functionManifest('faulty', CODE, { timeout: '2s' }), triggerManifest('faulty', 'faulty')]
    bed = await startFaultBed({ manifests })
  })
  afterAll(() => bed.stop())

  test.each(FAULTS)(
    '$fault is a 500 with its error object inside the cluster, and the next call works',
    async (want) => {
      const answer = await bed.call('faulty', { body: JSON.stringify({ fault: want.fault }) })
      expect(answer.status).toBe(500)
      expect(answer.headers['dormouse-error']).toBe(want.kind)
      expect(json(answer)).toMatchObject({ errorType: want.type, errorMessage: expect.stringMatching(want.message) })
      expect(await bed.call('faulty')).toMatchObject({ status: 200 })
    },
  )

  test.each(FAULTS)('$fault is a 500 with its error object outside, and the next call works', async (want) => {
    const answer = await bed.visit(`/?fault=${want.fault}`)
    expect(answer.status).toBe(500)
    expect(answer.headers['dormouse-error']).toBe(want.kind)
    expect(json(answer)).toMatchObject({ errorType: want.type, errorMessage: expect.stringMatching(want.message) })
    expect(await bed.visit('/')).toMatchObject({ status: 200 })
  })

  test('is cut off by its timeout leaves its process: the next call runs in another', async () => {
    const before = (await bed.call('faulty')).text
    await bed.call('faulty', { body: '{"fault":"hangs"}' })
    const after = await bed.call('faulty')
    expect(after.status).toBe(200)
    expect(after.text).not.toBe(before)
  })
})
