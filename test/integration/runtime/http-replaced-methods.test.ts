import { afterEach, describe, expect, test } from '@jest/globals'
import { once } from 'node:events'
import { connect } from 'node:net'
import { endRuntimes, RuntimeProcess } from '../../builders/runtime-process.ts'

afterEach(endRuntimes)

/** As session middleware does: the answer is ended once the store has written, which here is never. */
const SESSION = `for (const name of ['end', 'write', 'writeHead', 'setHeader', 'removeHeader', 'getHeaderNames', 'destroy']) {
  res[name] = function () { return this }
}`

const withSession = (code: string) =>
  RuntimeProcess.with({
    signature: 'http',
    concurrency: 80,
    files: {
      'index.mjs': `export const handler = async (req, res) => { if (req.url === '/quick') return res.end('quick'); ${code} }`,
    },
  })

describe('an http function whose middleware replaced methods of the response', () => {
  test('is answered at its deadline all the same', async () => {
    const runtime = await withSession(SESSION)
    const answer = await runtime.call({ deadlineMs: 500 })
    expect(answer).toMatchObject({ status: 500, headers: { 'dormouse-error': 'timeout' } })
  })

  test('is answered 500 when it fails', async () => {
    const runtime = await withSession(`res.setHeader('content-length', 3); ${SESSION} throw new Error('x')`)
    expect(await runtime.call()).toMatchObject({ status: 500, headers: { 'dormouse-error': 'handled' } })
  })

  test('is cut at its deadline when its answer has begun', async () => {
    const runtime = await withSession(`res.write('half'); ${SESSION}`)
    await expect(runtime.call({ deadlineMs: 500 })).rejects.toThrow(/aborted|hang up|ECONNRESET/)
    // Not by the watchdog, with the whole process.
    await new Promise((resolve) => setTimeout(resolve, 1_000))
    expect((await runtime.call({ path: '/quick' })).text).toBe('quick')
  })
})

test('a deadline that the loop has noticed is no business of the watchdog, however long its answer has to wait', async () => {
  const runtime = await withSession(`if (req.url === '/slow') setTimeout(() => res.end('slow'), 1_500)`)
  const socket = connect(runtime.dataPort, '127.0.0.1')
  let text = ''
  socket.on('data', (bytes: Buffer) => (text += bytes.toString()))
  const head = (path: string, deadlineMs: number) => {
    const headers = Object.entries(runtime.callHeaders({ deadlineMs })).map(
      ([name, value]) => `${name}: ${String(value)}`,
    )
    return [`GET ${path} HTTP/1.1`, 'host: x', ...headers, '', ''].join('\r\n')
  }
  // The second answer goes out after the first.
  socket.write(head('/slow', 20_000) + head('/hangs', 150))
  await once(socket, 'close')
  expect(text).toMatch(/\r\nslow[^]*HTTP\/1.1 500 [^]*Sandbox.Timedout/)
  expect((await runtime.call({ path: '/quick' })).text).toBe('quick')
})
