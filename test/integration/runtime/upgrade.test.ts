import { afterEach, describe, expect, test } from '@jest/globals'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { WebSocket } from 'ws'
import { eventually } from '../../builders/eventually.ts'
import { endRuntimes, RuntimeProcess } from '../../builders/runtime-process.ts'

afterEach(endRuntimes)

const WS = JSON.stringify(fileURLToPath(new URL('../../../node_modules/ws/index.js', import.meta.url)))
const ECHO = `const { WebSocketServer } = require(${WS}); const server = new WebSocketServer({ noServer: true })
  exports.handler = (req, res) => res.end('plain ' + (req.headers.upgrade ?? ''))
  exports.upgrade = (req, socket, head) => {
    console.log('upgrade', Object.keys(req.headers).filter((n) => n.startsWith('dormouse')).length)
    server.handleUpgrade(req, socket, head, (ws) => ws.on('message', (m) => { console.log('got'); ws.send(String(m)) }))
  }`

const start = (code: string, more = {}) =>
  RuntimeProcess.with({ files: { 'index.js': code }, signature: 'http', concurrency: 2, ...more })

const dial = (runtime: RuntimeProcess, options = {}) =>
  new WebSocket(`ws://127.0.0.1:${runtime.dataPort}/chat`, {
    headers: runtime.callHeaders(options) as Record<string, string>,
  })

const say = async (socket: WebSocket, text: string) => {
  socket.send(text)
  const [data] = (await once(socket, 'message')) as [Buffer]
  return data.toString()
}

describe('an upgrade', () => {
  test('reaches the upgrade export beside the handler, and lives longer than the deadline', async () => {
    const runtime = await start(ECHO)
    const socket = dial(runtime, { deadlineMs: 1_000, requestId: 'ws-1' })
    await once(socket, 'open')
    expect(await say(socket, 'one')).toBe('one')
    await new Promise((resolve) => setTimeout(resolve, 1_200))
    expect(await say(socket, 'two')).toBe('two')
    expect(await runtime.printed('got')).toMatch(/\tws-1\tINFO\tupgrade 0\n.*\tws-1\tINFO\tgot\n/)
    socket.terminate()
  })

  test('reaches the listeners of an exported http.Server', async () => {
    const runtime = await start(`const http = require('node:http'); const { WebSocketServer } = require(${WS})
      const server = http.createServer((q, r) => r.end()); new WebSocketServer({ server }).on('connection', (ws) => ws.on('message', (m) => ws.send('s' + m)))
      exports.handler = server`)
    const socket = dial(runtime)
    await once(socket, 'open')
    expect(await say(socket, '1')).toBe('s1')
    socket.terminate()
  })

  test('counts as in flight until it is closed', async () => {
    const runtime = await start(ECHO, { concurrency: 1 })
    const socket = dial(runtime)
    await once(socket, 'open')
    expect((await runtime.call()).headers['dormouse-refused']).toBe('busy')
    const [, refused] = (await once(dial(runtime), 'unexpected-response')) as [unknown, { statusCode: number }]
    expect(refused.statusCode).toBe(503)
    socket.close()
    await once(socket, 'close')
    await eventually('its slot is free', async () => (await runtime.call()).status === 200)
  })

  test('with a wrong key is refused', async () => {
    const runtime = await start(ECHO)
    const [, refused] = (await once(dial(runtime, { headers: { 'dormouse-key': 'x' } }), 'unexpected-response')) as [
      unknown,
      { statusCode: number },
    ]
    expect(refused.statusCode).toBe(403)
  })

  test('is served as a plain request by a function that knows no upgrades', async () => {
    const runtime = await start(`exports.handler = (req, res) => res.end('plain')`)
    const answer = await runtime.call({ headers: { connection: 'upgrade', upgrade: 'h2c' } })
    expect(answer).toMatchObject({ status: 200, text: 'plain' })
  })

  test('is ended after the grace when the pod leaves', async () => {
    const runtime = await start(ECHO, { timeoutMs: 300 })
    const socket = dial(runtime)
    await once(socket, 'open')
    runtime.child.kill('SIGTERM')
    const closedAfter = Date.now()
    await once(socket, 'close')
    expect(Date.now() - closedAfter).toBeGreaterThan(200)
    expect(await runtime.exited).toEqual({ code: 0, signal: null })
  })

  test('whose handler throws is cut', async () => {
    const runtime = await start(`exports.handler = () => {}; exports.upgrade = () => { throw new Error('no') }`)
    await once(dial(runtime), 'error')
    expect(await runtime.printed('Invoke Error')).toContain('"errorMessage":"no"')
  })
})
