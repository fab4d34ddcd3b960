import { afterEach, describe, expect, test } from '@jest/globals'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { WebSocket } from 'ws'
import { endRuntimes, RuntimeProcess } from '../../builders/runtime-process.ts'

afterEach(endRuntimes)

const WS = JSON.stringify(fileURLToPath(new URL('../../../node_modules/ws/index.js', import.meta.url)))

const start = (code: string) => RuntimeProcess.with({ files: { 'index.js': code }, signature: 'http', concurrency: 5 })

/** As Socket.IO attaches itself to the server of a Next.js route: its paths are its own, others go on to whoever listened before. */
const ATTACH = `const { WebSocketServer } = require(${WS})
  const attached = new Set()
  const attach = (server) => {
    if (attached.has(server)) return
    attached.add(server)
    const others = server.listeners('request').slice()
    server.removeAllListeners('request')
    server.on('request', (req, res) => {
      if (req.url.startsWith('/io')) res.end('io')
      else for (const other of others) other.call(server, req, res)
    })
    const sockets = new WebSocketServer({ noServer: true })
    server.on('upgrade', (req, socket, head) => sockets.handleUpgrade(req, socket, head, (ws) => ws.send('hello ' + req.url)))
  }`

const HANDLERS = {
  'a function': `exports.handler = (req, res) => { attach(req.socket.server); res.end('handler ' + req.url) }`,
  'an async function': `exports.handler = async (req, res) => {
    await null
    attach(req.socket.server)
    if (req.url === '/boom') throw new TypeError('boom')
    res.end('handler ' + req.url)
  }`,
  'a server': `exports.handler = require('node:http').createServer((req, res) => {
    attach(req.socket.server)
    res.end('handler ' + req.url)
  })`,
}

describe('the server behind a connection takes listeners that libraries add', () => {
  test.each(Object.entries(HANDLERS))('where the handler is %s', async (_kind, handler) => {
    const runtime = await start(`${ATTACH}\n${handler}`)
    expect((await runtime.call({ path: '/io/1' })).text).toBe('handler /io/1')
    expect((await runtime.call({ path: '/io/2' })).text).toBe('io')
    expect((await runtime.call({ path: '/other' })).text).toBe('handler /other')
    const socket = new WebSocket(`ws://127.0.0.1:${runtime.dataPort}/io/3`, {
      headers: runtime.callHeaders() as Record<string, string>,
    })
    const [greeting] = (await once(socket, 'message')) as [Buffer]
    expect(greeting.toString()).toBe('hello /io/3')
    socket.terminate()
  })

  test('and keeps nobody from being asked for the key, counted, or answered for', async () => {
    const runtime = await start(`${ATTACH}\n${HANDLERS['an async function']}`)
    await runtime.call({ path: '/' })
    expect(await runtime.call({ path: '/io/1', headers: { 'dormouse-key': 'wrong' } })).toMatchObject({
      status: 403,
      headers: { 'dormouse-refused': 'not-specialized' },
    })
    expect(await runtime.call({ path: '/boom' })).toMatchObject({
      status: 500,
      headers: { 'dormouse-error': 'handled' },
    })
    runtime.child.kill('SIGTERM')
    expect(await runtime.exited).toEqual({ code: 0, signal: null })
  })

  test('says of which class requests are', async () => {
    const runtime = await start(`const http = require('node:http')
      class Request extends http.IncomingMessage { get mine() { return 'mine' } }
      exports.handler = http.createServer({ IncomingMessage: Request }, (req, res) => res.end(req.mine))`)
    expect((await runtime.call()).text).toBe('mine')
  })

  test('is the one that was exported', async () => {
    const runtime =
      await start(`const server = require('node:http').createServer((req, res) => res.end(String(req.socket.server === server)))
      exports.handler = server`)
    expect((await runtime.call()).text).toBe('true')
  })

  test('may be closed, which ends nothing', async () => {
    const runtime = await start(`exports.handler = (req, res) => req.socket.server.close(() => res.end('closed'))`)
    expect((await runtime.call()).text).toBe('closed')
    expect((await runtime.call()).text).toBe('closed')
  })
})
