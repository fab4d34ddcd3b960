/** Handlers that block the event loop past their deadline, at every moment of an answer that goes out as it is written. */
import { afterEach, expect, jest, test } from '@jest/globals'
import { once } from 'node:events'
import { connect } from 'node:net'
import { endRuntimes, RuntimeProcess } from '../../builders/runtime-process.ts'

// The thread of the watchdog gives way to whatever else the machine has to do.
jest.setTimeout(180_000)
afterEach(endRuntimes)

const DEADLINE_MS = 1_000

const start = (code: string, signature: 'http' | 'event') =>
  RuntimeProcess.with({ files: { 'index.js': code }, signature, timeoutMs: DEADLINE_MS })

/** All bytes of one request's connection, until it is closed. */
async function received(runtime: RuntimeProcess, headers: Record<string, string> = {}): Promise<string> {
  const socket = connect(runtime.dataPort, '127.0.0.1').setEncoding('latin1')
  socket.on('error', () => undefined)
  let bytes = ''
  socket.on('data', (text: string) => (bytes += text))
  const all = { host: 'a', ...runtime.callHeaders({ deadlineMs: DEADLINE_MS }), ...headers }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${String(value)}\r\n`)
  socket.write(`GET / HTTP/1.1\r\n${lines.join('')}\r\n`)
  await once(socket, 'close')
  return bytes
}

test.each([
  ['an http handler', `(req, res) => { for (;;); }`, 'http'],
  [
    'one that had set headers',
    `(req, res) => { res.setHeader('a', 'b'); setTimeout(() => { for (;;); }, 20) }`,
    'http',
  ],
  ['a streaming handler', `awslambda.streamifyResponse(async () => { for (;;); })`, 'event'],
] as const)('%s is answered in its place while its answer has not begun', async (_who, handler, signature) => {
  const runtime = await start(`exports.handler = ${handler}`, signature)
  const answer = await runtime.invoke({}, { deadlineMs: DEADLINE_MS, requestId: 'blocked-1' })
  expect(answer).toMatchObject({ status: 500, headers: { 'dormouse-error': 'timeout' }, informational: [102] })
  expect(JSON.parse(answer.text)).toMatchObject({
    errorType: 'Sandbox.Timedout',
    errorMessage: 'RequestId: blocked-1 Error: Task timed out after 1.00 seconds',
  })
  expect((await runtime.exited).signal).toBe('SIGKILL')
})

test.each([
  ['whose head is out', `res.flushHeaders(); setTimeout(() => { for (;;); }, 20)`],
  [
    'of which a part was written',
    `res.writeHead(200, { 'content-length': 9 }).write('part'); setTimeout(() => { for (;;); }, 20)`,
  ],
  ['that is whole', `res.end('whole'); for (;;);`],
])('an answer %s gets nothing of the watchdog behind it', async (_what, code) => {
  const runtime = await start(`exports.handler = (req, res) => { ${code} }`, 'http')
  const bytes = await received(runtime)
  expect(bytes).toContain('HTTP/1.1 200 OK')
  expect(bytes).not.toContain('Timedout')
  expect((await runtime.exited).signal).toBe('SIGKILL')
})

test('an upgrade whose handler blocks the loop ends the process like every other', async () => {
  const runtime = await start(`exports.handler = () => {}; exports.upgrade = () => { for (;;); }`, 'http')
  const bytes = await received(runtime, { connection: 'upgrade', upgrade: 'websocket' })
  expect(bytes).toBe('HTTP/1.1 102 Processing\r\n\r\n')
  expect((await runtime.exited).signal).toBe('SIGKILL')
})

test('an upgraded connection that has outlived its deadline is no reason to end a process', async () => {
  const code = `exports.handler = (req, res) => res.end('alive'); exports.upgrade = (req, socket) => { socket.write('HTTP/1.1 101 Switching Protocols\\r\\n\\r\\n') }`
  const runtime = await RuntimeProcess.with({
    files: { 'index.js': code },
    signature: 'http',
    timeoutMs: DEADLINE_MS,
    concurrency: 2,
  })
  void received(runtime, { connection: 'upgrade', upgrade: 'websocket' })
  await new Promise((resolve) => setTimeout(resolve, DEADLINE_MS + 1_500))
  expect((await runtime.call()).text).toBe('alive')
})
