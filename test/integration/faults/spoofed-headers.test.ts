import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { functionManifest, triggerManifest } from '../../builders/local-platform.ts'
import type { Answer } from '../../builders/runtime-process.ts'
import { json, startFaultBed, type FaultBed } from './fault-bed.ts'

const SPOOFED = {
  'dormouse-key': 'guessed',
  'dormouse-request-id': 'spoofed-id',
  'dormouse-deadline-ms': '1',
  'dormouse-refused': 'busy',
  'dormouse-error': 'unhandled',
  'dormouse-report': 'duration=0',
  'dormouse-invoked-arn': 'arn:spoofed',
  'Dormouse-Anything': 'else',
}
const EVENT = `export const handler = (event, context) => ({
  seen: Object.keys(event.headers ?? {}), id: context.awsRequestId, arn: context.invokedFunctionArn,
  left: context.getRemainingTimeInMillis(),
})`
const WEB = `
let calls = 0
export const handler = (req, res) => {
  calls++
  if (req.url === '/calls') return res.end(String(calls))
  if (req.url === '/pretends') {
    res.writeHead(503, { 'dormouse-refused': 'busy', 'dormouse-request-id': 'mine', 'x-own': 'kept' })
    return res.end('not now')
  }
  res.end(JSON.stringify({ seen: req.rawHeaders.filter((_, i) => i % 2 === 0).map((name) => name.toLowerCase()) }))
}`

describe('dormouse-* headers from outside', () => {
  let bed: FaultBed
  beforeAll(async () => {
    bed = await startFaultBed({
      manifests: [
        functionManifest('event', EVENT),
        functionManifest('web', WEB, { signature: 'http' }),
        triggerManifest('event', 'event', { path: '/event' }),
        triggerManifest('web', 'web', { path: '/web', stripPrefix: true }),
      ],
    })
  })
  afterAll(() => bed.stop())

  const expectClean = (answer: Answer) => {
    expect(answer.status).toBe(200)
    expect(json(answer)['seen']).toEqual(expect.not.arrayContaining([expect.stringMatching(/^dormouse-/)]))
    expect(answer.headers['dormouse-request-id']).not.toBe('spoofed-id')
    expect(answer.headers['dormouse-refused']).toBeUndefined()
  }

  test('never reach an http function and change nothing for it', async () => {
    expectClean(await bed.visit('/web', { headers: SPOOFED }))
    expectClean(await bed.call('web', { headers: SPOOFED }))
  })

  test('never reach an event function, its deadline, its request id or its ARN', async () => {
    const answer = await bed.visit('/event', { headers: SPOOFED })
    expectClean(answer)
    const { id, arn, left } = json(answer)
    expect(id).not.toBe('spoofed-id')
    expect(arn).not.toBe('arn:spoofed')
    expect(left).toBeGreaterThan(1_000)
    const inside = json(await bed.call('event', { headers: SPOOFED }))
    expect(inside['id']).not.toBe('spoofed-id')
    expect(inside['left']).toBeGreaterThan(1_000)
  })

  test('cannot ask for logs from the internet', async () => {
    const answer = await bed.visit('/event', { headers: { 'dormouse-log-type': 'Tail' } })
    expect(answer.headers['dormouse-log-result']).toBeUndefined()
  })

  test('that a function writes itself do not make its answer a refusal, nor leave the platform', async () => {
    const before = Number((await bed.call('web', { path: '/calls' })).text)
    const answer = await bed.visit('/web/pretends')
    expect(answer).toMatchObject({ status: 503, text: 'not now', headers: { 'x-own': 'kept' } })
    expect(answer.headers['dormouse-refused']).toBeUndefined()
    expect(answer.headers['dormouse-request-id']).not.toBe('mine')
    expect(Number((await bed.call('web', { path: '/calls' })).text)).toBe(before + 2)
  })
})
