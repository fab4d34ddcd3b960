/** Answers of `http` functions that come before the request's body is whole. */
import { afterEach, expect, test } from '@jest/globals'
import { connect } from 'node:net'
import { eventually } from '../../builders/eventually.ts'
import { endRuntimes, RuntimeProcess } from '../../builders/runtime-process.ts'

afterEach(endRuntimes)

const CHUNK = Buffer.alloc(64 * 1024)

/** An upload that goes on after its answer. */
async function upload(runtime: RuntimeProcess) {
  const errors: Error[] = []
  let text = ''
  let isClosed = false
  const socket = connect({ host: '127.0.0.1', port: runtime.dataPort, allowHalfOpen: true })
  socket.on('data', (chunk) => (text += chunk.toString()))
  socket.on('error', (error) => errors.push(error))
  socket.on('close', () => (isClosed = true))
  const headers = Object.entries({ ...runtime.callHeaders(), host: 'a', 'content-length': 20 * CHUNK.length })
  socket.write(`POST / HTTP/1.1\r\n${headers.map(([name, value]) => `${name}: ${String(value)}\r\n`).join('')}\r\n`)
  socket.write(CHUNK)
  await eventually('the answer', () => text.includes('too large'))
  for (let sent = 1; sent < 20; sent++) {
    await new Promise((resolve) => setTimeout(resolve, 5))
    if (!socket.destroyed) socket.write(CHUNK)
  }
  socket.end()
  await eventually('the end of the connection', () => isClosed)
  return { text, errors }
}

test.each([
  ['before it has read anything', `res.writeHead(413, { connection: 'close' }); res.end('too large')`],
  [
    'while it reads',
    `req.on('data', () => { if (!res.headersSent) res.writeHead(413, { connection: 'close' }).end('too large') })`,
  ],
])('a function that closes %s does not reset the connection under its answer', async (_, code) => {
  const runtime = await RuntimeProcess.with({
    files: { 'index.mjs': `export const handler = (req, res) => { ${code} }` },
    signature: 'http',
    concurrency: 2,
  })
  const { text, errors } = await upload(runtime)
  expect(text).toContain('HTTP/1.1 413')
  expect(errors).toEqual([])
  expect((await upload(runtime)).errors).toEqual([])
})

test('a caller that never ends its upload is cut', async () => {
  const runtime = await RuntimeProcess.with({
    files: { 'index.mjs': `export const handler = (req, res) => res.writeHead(413, { connection: 'close' }).end('x')` },
    signature: 'http',
  })
  let isClosed = false
  const socket = connect({ host: '127.0.0.1', port: runtime.dataPort, allowHalfOpen: true })
  socket.on('close', () => (isClosed = true))
  socket.on('error', () => undefined).resume()
  const headers = Object.entries({ ...runtime.callHeaders(), host: 'a', 'content-length': 9 })
  socket.write(`POST / HTTP/1.1\r\n${headers.map(([name, value]) => `${name}: ${String(value)}\r\n`).join('')}\r\n1`)
  const sending = setInterval(() => socket.write('1'), 1_000)
  await eventually('the end of the connection', () => isClosed)
  clearInterval(sending)
})
