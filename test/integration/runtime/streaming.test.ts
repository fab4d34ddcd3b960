import { afterEach, describe, expect, test } from '@jest/globals'
import { endRuntimes, RuntimeProcess } from '../../builders/runtime-process.ts'

afterEach(endRuntimes)

const streaming = (code: string) =>
  RuntimeProcess.with({ files: { 'index.mjs': `export const handler = awslambda.streamifyResponse(${code})` } })

describe('a streaming handler', () => {
  test('writes its answer piece by piece; the report comes as a trailer', async () => {
    const runtime = await streaming(`async (event, stream, context) => {
      stream.setContentType('text/plain'); stream.write(context.awsRequestId + ' '); await new Promise((r) => setTimeout(r, 20)); stream.end(event.a) }`)
    const answer = await runtime.invoke({ a: 'z' })
    expect(answer).toMatchObject({ status: 200, text: 'req-1 z', headers: { 'content-type': 'text/plain' } })
    expect(answer.trailers['dormouse-report']).toMatch(/^duration=/)
    expect(await runtime.printed('REPORT')).toMatch(/START[^]*END/)
  })

  test('tells its log in a trailer, too, to who asks for it', async () => {
    const runtime = await streaming(`async (event, stream) => { console.log('é'.repeat(4000)); stream.end('z') }`)
    const { text, trailers } = await runtime.invoke({}, { headers: { 'dormouse-log-type': 'Tail' } })
    const tail = Buffer.from(String(trailers['dormouse-log-result']), 'base64').toString()
    expect([text, tail]).toEqual(['z', expect.stringMatching(/^é{1500,}\nEND RequestId: req-1\nREPORT/)])
    expect((await runtime.invoke({})).trailers).not.toHaveProperty('dormouse-log-result')
  })

  test('puts a JSON prelude and eight NUL bytes before the body', async () => {
    const runtime = await streaming(`async (event, stream) => {
      stream = awslambda.HttpResponseStream.from(stream, { statusCode: 201, headers: { a: 'b' } }); stream.write('body'); stream.end() }`)
    const answer = await runtime.invoke({})
    expect(answer.headers['content-type']).toBe('application/vnd.awslambda.http-integration-response')
    expect(answer.text).toBe(`{"statusCode":201,"headers":{"a":"b"}}${'\0'.repeat(8)}body`)
  })

  test('may write objects, which go out as JSON, as in Lambda', async () => {
    const runtime = await streaming(`async (event, stream) => {
      stream.write({ a: 1 }); stream.write(new Uint8Array([10])); stream.write([2], () => stream.end('.')) }`)
    expect(await runtime.invoke({})).toMatchObject({ status: 200, text: '{"a":1}\n[2].' })
  })

  test.each([
    ['the type', `stream.setContentType('text/html')`],
    ['the prelude', `awslambda.HttpResponseStream.from(stream, { statusCode: 404 })`],
  ])('cannot set %s once the first byte has left, and is told so, as in Lambda', async (_, late) => {
    const runtime = await streaming(`async (event, stream) => {
      stream.write('a'); try { ${late} } catch (error) { stream.write(String(error)) } stream.end() }`)
    const { text } = await runtime.invoke({})
    expect(text).toBe('aRuntime.InvalidStreamingOperation: Cannot set content-type, too late.')
  })

  test('that fails before the first byte is answered 500 handled', async () => {
    const runtime = await streaming(`async () => { throw new RangeError('early') }`)
    const answer = await runtime.invoke({})
    expect(answer).toMatchObject({ status: 500, headers: { 'dormouse-error': 'handled' } })
    expect(JSON.parse(answer.text)).toMatchObject({ errorType: 'RangeError' })
    expect((await runtime.invoke({})).status).toBe(500)
  })

  test('whose promise can never settle is answered at once, as other handlers are', async () => {
    const runtime = await streaming(`() => new Promise(() => {})`)
    const answer = await runtime.invoke({}, { deadlineMs: 20_000 })
    expect(answer).toMatchObject({ status: 500, headers: { 'dormouse-error': 'unhandled' } })
    expect(JSON.parse(answer.text)).toMatchObject({ errorType: 'Runtime.NodeJsExit' })
    expect((await runtime.invoke({}, { deadlineMs: 20_000 })).status).toBe(500)
  })

  test('whose promise can never settle once it has written is cut, and runs again', async () => {
    const runtime = await streaming(
      `(event, stream) => { if (event.ok) return stream.end('whole'); stream.write('half'); return new Promise(() => {}) }`,
    )
    await expect(runtime.invoke({}, { deadlineMs: 20_000 })).rejects.toThrow(/aborted|hang up|ECONNRESET/)
    expect((await runtime.invoke({ ok: 1 })).text).toBe('whole')
  })

  test('that fails later never ends the answer cleanly', async () => {
    const runtime = await streaming(
      `async (e, stream) => { stream.write('half'); await new Promise((r) => setTimeout(r, 30)); throw new Error('late') }`,
    )
    await expect(runtime.invoke({})).rejects.toThrow(/aborted|hang up|ECONNRESET/)
  })

  test('that fails after it has ended its stream has answered: all of it arrives, and the failure is in the log', async () => {
    const runtime = await streaming(
      `async (e, stream) => { stream.write('x'.repeat(8_000_000)); stream.end('!'); if (e.ms) await new Promise((r) => setTimeout(r, e.ms)); throw new RangeError('after') }`,
    )
    for (const requestId of ['at-once', 'later']) {
      const answer = await runtime.invoke({ ms: requestId === 'later' ? 200 : 0 }, { requestId })
      expect(answer.text).toHaveLength(8_000_001)
      expect(answer.trailers['dormouse-report']).toMatch(/^duration=/)
      expect(await runtime.printed(`${requestId}\tERROR`)).toMatch(
        new RegExp(`\\t${requestId}\\tERROR\\tInvoke Error \\t\\{"errorType":"RangeError"`),
      )
    }
  })

  test('that forgets to end the stream is ended when nothing is left to do', async () => {
    const runtime = await streaming(`async (e, stream) => { stream.write('x') }`)
    expect((await runtime.invoke({})).text).toBe('x')
  })

  test('is slowed down by a slow reader and pipes large answers whole', async () => {
    const runtime = await streaming(`async (e, stream) => {
      const { pipeline } = await import('node:stream/promises'); const { Readable } = await import('node:stream')
      await pipeline(Readable.from((function* () { for (let i = 0; i < 160; i++) yield Buffer.alloc(65536, 97) })()), stream) }`)
    expect((await runtime.invoke({})).text).toHaveLength(160 * 65536)
  })
})
