import { afterEach, describe, expect, test } from '@jest/globals'
import { CloudEvent, HTTP } from 'cloudevents'
import { endRuntimes, RuntimeProcess } from '../../builders/runtime-process.ts'

afterEach(endRuntimes)

const cloudevent = (code: string) =>
  RuntimeProcess.with({ files: { 'index.mjs': `export const handler = ${code}` }, signature: 'cloudevent' })

const SAMPLE = {
  id: 'e-1',
  source: '/orders',
  type: 'order.placed',
  subject: 'grüße & "more" 100%',
  time: '2026-01-02T03:04:05.000Z',
  tenant: 'acme',
}

describe('a cloudevent function', () => {
  test.each(['binary', 'structured'] as const)(
    'gets what the SDK sends in %s mode as one plain object',
    async (mode) => {
      const runtime = await cloudevent(
        `async (event) => ({ proto: Object.getPrototypeOf(event) === Object.prototype, event })`,
      )
      for (const data of [{ a: [1] }, 'a string', 42, null]) {
        const sent = new CloudEvent({ ...SAMPLE, datacontenttype: 'application/json', data })
        const message = HTTP[mode](sent)
        // The SDK leaves strings bare, whatever their content type says.
        const body = mode === 'binary' ? JSON.stringify(data) : String(message.body)
        const answer = await runtime.call({ body, headers: message.headers })
        const { event, proto } = JSON.parse(answer.text) as { event: object; proto: boolean }
        expect(proto).toBe(true)
        expect(event).toMatchObject({ ...SAMPLE, specversion: '1.0', data })
      }
    },
  )

  test('gets text as a string, other bytes as a Buffer beside data_base64', async () => {
    const runtime = await cloudevent(
      `async (e) => [typeof e.data, Buffer.isBuffer(e.data), e.data_base64, String(e.data)]`,
    )
    const bytes = Buffer.from([0, 1, 255])
    const text = HTTP.binary(new CloudEvent({ ...SAMPLE, subject: 'x', datacontenttype: 'text/plain', data: 'hi' }))
    expect((await runtime.call({ body: 'hi', headers: text.headers })).text).toBe('["string",false,null,"hi"]')
    const binary = HTTP.binary(
      new CloudEvent({ ...SAMPLE, subject: 'x', datacontenttype: 'application/octet-stream', data: bytes }),
    )
    expect((await runtime.call({ body: bytes, headers: binary.headers })).text).toContain('["object",true,"AAH/"')
    const structured = HTTP.structured(
      new CloudEvent({ ...SAMPLE, subject: 'x', datacontenttype: 'image/png', data: bytes }),
    )
    const answer = await runtime.call({
      body: String(structured.body),
      headers: structured.headers,
    })
    expect(answer.text).toContain('["object",true,"AAH/"')
  })

  test('answers 204 for undefined and 200 JSON for a value, with a report', async () => {
    const runtime = await cloudevent(`(e) => (e.type === 'quiet' ? undefined : { ok: e.id })`)
    const headers = { 'ce-specversion': '1.0', 'ce-id': '1', 'ce-source': 's' }
    const quiet = await runtime.call({ headers: { ...headers, 'ce-type': 'quiet' } })
    expect(quiet).toMatchObject({ status: 204, text: '', informational: [102] })
    expect(quiet.headers['dormouse-report']).toMatch(/^duration=/)
    expect(await runtime.call({ headers: { ...headers, 'ce-type': 'loud' } })).toMatchObject({
      status: 200,
      text: '{"ok":"1"}',
    })
    expect(await runtime.printed('REPORT')).toMatch(/START[^]*END[^]*REPORT/)
  })

  test.each([
    ['throws', `() => { throw new Error('no') }`],
    ['rejects', `async () => { throw new Error('no') }`],
  ])('that %s is answered 500 handled', async (_how, code) => {
    const runtime = await cloudevent(code)
    const headers = { 'ce-specversion': '1.0', 'ce-id': '1', 'ce-source': 's', 'ce-type': 't' }
    const answer = await runtime.call({ headers })
    expect(answer).toMatchObject({ status: 500, headers: { 'dormouse-error': 'handled' } })
    expect(JSON.parse(answer.text)).toMatchObject({ errorMessage: 'no' })
  })

  test.each<[string, number, Record<string, string>, string]>([
    ['nothing of a CloudEvent', 400, { 'content-type': 'application/json' }, '{}'],
    ['another version', 400, { 'ce-specversion': '0.3', 'ce-id': '1', 'ce-source': 's', 'ce-type': 't' }, ''],
    ['no type', 400, { 'ce-specversion': '1.0', 'ce-id': '1', 'ce-source': 's' }, ''],
    [
      'data that is not the JSON it says',
      400,
      { 'ce-specversion': '1.0', 'ce-id': '1', 'ce-source': 's', 'ce-type': 't', 'content-type': 'application/json' },
      '{',
    ],
    ['a structured body that is not JSON', 400, { 'content-type': 'application/cloudevents+json' }, 'x'],
    ['a batch', 415, { 'content-type': 'application/cloudevents-batch+json' }, '[]'],
  ])('refuses %s with %d', async (...[_what, status, headers, body]) => {
    const runtime = await cloudevent(`async () => 1`)
    const answer = await runtime.call({ headers, body })
    expect(answer.status).toBe(status)
    expect(JSON.parse(answer.text)).toMatchObject({ errorType: 'InvalidCloudEvent' })
    expect(runtime.stdout).toBe('')
  })
})
