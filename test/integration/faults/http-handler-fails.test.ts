import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { functionManifest } from '../../builders/local-platform.ts'
import { json, startFaultBed, type FaultBed } from './fault-bed.ts'

const CODE = `
const faults = {
  '/throws'() { throw new TypeError('wrong type') },
  '/rejects': async () => { throw new Error('no stock') },
  '/hangs'() {},
  '/exits'() { process.exit(7) },
  '/breaks'(req, res) { res.write('half'); setTimeout(() => { throw new Error('later') }, 20) },
  '/large'(req, res) { res.end(Buffer.alloc(10 * 1024 * 1024, 'x')) },
}
export const handler = (req, res) => (faults[req.url] ?? (() => res.end('well')))(req, res)`

describe('an http handler that', () => {
  let bed: FaultBed
  beforeAll(async () => {
    bed = await startFaultBed({ manifests: [functionManifest('web', CODE, { signature: 'http', timeout: '3s' })] })
  })
  afterAll(() => bed.stop())
  const well = async () => expect(await bed.call('web')).toMatchObject({ status: 200, text: 'well' })

  test.each([
    { path: '/throws', kind: 'handled', message: /wrong type/ },
    { path: '/rejects', kind: 'handled', message: /no stock/ },
    { path: '/exits', kind: 'unhandled', message: /exit status 7/ },
  ])('fails before its answer ($path) is a 500 with its error object', async ({ path, kind, message }) => {
    const answer = await bed.call('web', { path })
    expect(answer).toMatchObject({ status: 500, headers: { 'dormouse-error': kind } })
    expect(json(answer)['errorMessage']).toMatch(message)
    await well()
  })

  test('never answers ends with its timeout', async () => {
    const startedMs = performance.now()
    const answer = await bed.call('web', { path: '/hangs' })
    expect([500, 504]).toContain(answer.status)
    expect(performance.now() - startedMs).toBeLessThan(15_000)
    await well()
  })

  test('dies in the middle of its answer never looks as if it had finished', async () => {
    await expect(bed.call('web', { path: '/breaks' })).rejects.toThrow(/aborted|hang up|ECONNRESET/)
    await well()
  })

  test('answers 10 MB is passed on whole', async () => {
    const answer = await bed.call('web', { path: '/large' })
    expect(answer.status).toBe(200)
    expect(answer.text).toHaveLength(10 * 1024 * 1024)
  })
})
