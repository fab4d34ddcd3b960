import { afterEach, describe, expect, test } from '@jest/globals'
import type { Specialize } from '../../../api/protocol.ts'
import { endRuntimes, RuntimeProcess } from '../../builders/runtime-process.ts'

afterEach(endRuntimes)

/** As `fetch` fails where nobody listens. */
const FAILED = `Object.assign(new TypeError('fetch failed'), { cause: Object.assign(new Error('refused by 10.1.2.3'), { code: 'ECONNREFUSED' }) })`
const EVENT = { 'ce-specversion': '1.0', 'ce-id': '1', 'ce-source': '/s', 'ce-type': 't' }

describe('what caused an error is logged, and told no caller', () => {
  test.each<[string, string, Partial<Specialize>]>([
    ['of an event function', `export const handler = async () => { throw ${FAILED} }`, { signature: 'event' }],
    ['of a cloudevent function', `export const handler = async () => { throw ${FAILED} }`, { signature: 'cloudevent' }],
    ['of an http function', `export const handler = async () => { throw ${FAILED} }`, { signature: 'http' }],
    ['that nobody caught', `export const handler = () => { setTimeout(() => { throw ${FAILED} }) }`, {}],
    ['of a rejection that nobody caught', `export const handler = (e, c, done) => { Promise.reject(${FAILED}) }`, {}],
  ])('%s', async (_whose, code, more) => {
    const runtime = await RuntimeProcess.with({ files: { 'index.mjs': code }, ...more })
    const answer = await runtime.invoke({}, { headers: EVENT })
    expect(answer.status).toBe(500)
    expect(answer.text).toContain('fetch failed')
    expect(answer.text).not.toContain('refused by')
    const [line = ''] = (await runtime.printed('\tERROR\t')).split('\n').filter((text) => text.includes('\tERROR\t'))
    expect(line).toContain('req-1')
    expect(JSON.parse(line.slice(line.indexOf('{')))).toMatchObject({
      errorMessage: expect.stringContaining('fetch failed'),
      cause: { errorType: 'Error', errorMessage: 'refused by 10.1.2.3', code: 'ECONNREFUSED' },
    })
  })

  test('but of code that does not load, to who deploys it', async () => {
    const runtime = await RuntimeProcess.start()
    const answer = await runtime.specialize({ files: { 'index.mjs': `throw ${FAILED}` } })
    expect(JSON.parse(answer.text)).toMatchObject({
      errorType: 'TypeError',
      errorMessage: 'fetch failed (refused by 10.1.2.3)',
    })
  })
})
