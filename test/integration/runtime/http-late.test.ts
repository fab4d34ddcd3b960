import { afterEach, describe, expect, test } from '@jest/globals'
import { once } from 'node:events'
import { Agent, request, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { fileURLToPath } from 'node:url'
import { endRuntimes, RuntimeProcess } from '../../builders/runtime-process.ts'

afterEach(endRuntimes)

/** A handler that hangs past its deadline of 500 ms, then runs `late`; beside it one that answers at once and one that takes its time. */
const withLate = (late: string, before = '') =>
  RuntimeProcess.with({
    signature: 'http',
    concurrency: 80,
    files: {
      'index.mjs': `export const handler = (req, res) => {
        if (req.url === '/quick') return res.end('quick')
        if (req.url === '/slow') return setTimeout(() => res.end('slow'), 1_500)
        ${before}
        setTimeout(async () => { ${late}; console.log('went on') }, 1_000)
      }`,
    },
  })

const TIMED_OUT = { status: 500, headers: { 'dormouse-error': 'timeout' } }

describe('an http handler that goes on after the platform answered in its place', () => {
  test.each([
    ['writeHead', `res.writeHead(200, { a: 'b' }).end('late')`],
    [
      'setHeader',
      `res.setHeader('a', 'b').appendHeader('a', 'c').setHeaders(new Map()).removeHeader('a'); res.end('late')`,
    ],
    ['a piece', `if (!res.write('late')) console.log('not more'); res.end()`],
    ['callbacks', `await new Promise((r) => res.write('x', r)); await new Promise((r) => res.end('late', 'utf8', r))`],
    [
      'what comes before and after',
      `res.writeContinue(); res.writeProcessing(); res.writeEarlyHints({ link: '</a>; rel=preload' });
      res.flushHeaders(); res.addTrailers({ a: 'b' }); res.end('late')`,
    ],
  ])('ends nobody’s call, whatever it does: %s', async (_what, late) => {
    const runtime = await withLate(late)
    const slow = runtime.call({ path: '/slow' })
    expect(await runtime.call({ deadlineMs: 500 })).toMatchObject(TIMED_OUT)
    expect(await slow).toMatchObject({ status: 200, text: 'slow' })
    expect(await runtime.printed('went on')).not.toContain('ERROR')
  })

  test('can cut its connection, and nobody else’s', async () => {
    const runtime = await withLate('req.socket.destroy()')
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const call = async (path: string, deadlineMs: number) => {
      const headers = runtime.callHeaders({ deadlineMs })
      const outgoing = request({ host: '127.0.0.1', port: runtime.dataPort, path, agent, headers })
      outgoing.end()
      const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
      response.resume()
      await once(response, 'end')
      return response.statusCode
    }
    expect(await call('/', 500)).toBe(500)
    expect(await call('/slow', 20_000)).toBe(200)
    agent.destroy()
  })

  test('may be an Express application, whose responses have another prototype', async () => {
    const express = fileURLToPath(import.meta.resolve('express'))
    const runtime = await RuntimeProcess.with({
      signature: 'http',
      concurrency: 80,
      files: {
        'index.js': `const app = require(${JSON.stringify(express)})()
          const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
          app.get('/slow', async (req, res) => { await sleep(2_500); res.send('slow') })
          app.get('/json', async (req, res) => { await sleep(1_000); setTimeout(() => { res.status(201).json({}); console.log('went on') }) })
          app.get('/fails', async (req, res) => { await sleep(1_000); console.log('went on'); throw new Error('late') })
          exports.handler = app`,
      },
    })
    const slow = runtime.call({ method: 'GET', path: '/slow' })
    for (const path of ['/json', '/fails'])
      expect(await runtime.call({ method: 'GET', path, deadlineMs: 500 })).toMatchObject(TIMED_OUT)
    expect(await slow).toMatchObject({ status: 200, text: 'slow' })
    while (runtime.stdout.match(/went on/g)?.length !== 2) await once(runtime.child.stdout!, 'data')
    expect((await runtime.call({ method: 'GET', path: '/slow' })).text).toBe('slow')
  })

  test('leaves a caller that still sends its body the time to read the answer', async () => {
    const runtime = await withLate('')
    const socket = connect(runtime.dataPort, '127.0.0.1').pause()
    const headers = Object.entries(runtime.callHeaders({ deadlineMs: 500 })).map(
      ([name, value]) => `${name}: ${String(value)}`,
    )
    socket.write(['POST / HTTP/1.1', 'host: x', 'content-length: 1000000', ...headers, '', ''].join('\r\n'))
    for (let i = 0; i < 10; i++) {
      socket.write('x'.repeat(100_000))
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    let text = ''
    socket.on('data', (bytes: Buffer) => (text += bytes.toString())).resume()
    while (!text.includes('Sandbox.Timedout')) await once(socket, 'data')
    expect(text).toContain('HTTP/1.1 500 ')
    socket.destroy()
  })

  test('that failed is answered 500, whatever it then does', async () => {
    const runtime = await withLate(
      `res.writeHead(200); res.end('late')`,
      `setTimeout(() => { res.writeHead(200); console.log('went on') }, 100); throw new Error('x')`,
    )
    expect(await runtime.call()).toMatchObject({ status: 500, headers: { 'dormouse-error': 'handled' } })
    await runtime.printed('went on')
    expect((await runtime.call({ path: '/quick' })).text).toBe('quick')
  })

  test('that failed, and ends its answer in the same breath with what it kept, is answered 500', async () => {
    const runtime = await withLate(
      '',
      `const { end } = res
       void (async () => { for (let i = 0; i < 20; i++) await null; end('late') })()
       throw new Error('x')`,
    )
    expect(await runtime.call()).toMatchObject({ status: 500, headers: { 'dormouse-error': 'handled' } })
    expect((await runtime.call({ path: '/quick' })).text).toBe('quick')
  })

  test('that left a reason phrase nobody can send is answered all the same', async () => {
    const runtime = await withLate('', `res.writeHead(200, 'two\\nlines')`)
    expect(await runtime.call()).toMatchObject({ status: 500, headers: { 'dormouse-error': 'handled' } })
    expect((await runtime.call({ path: '/quick' })).text).toBe('quick')
  })
})
