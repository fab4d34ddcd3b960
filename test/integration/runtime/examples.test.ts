import { afterEach, expect, test } from '@jest/globals'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { WebSocket } from 'ws'
import { parseAllDocuments } from 'yaml'
import type { FunctionManifest } from '../../../api/function.ts'
import { packCode } from '../../../cli/manifests/pack-code.ts'
import { endRuntimes, RuntimeProcess, type CallOptions } from '../../builders/runtime-process.ts'

afterEach(endRuntimes)

const EXAMPLES = fileURLToPath(new URL('../../../examples/hello', import.meta.url))
const CE = {
  'ce-specversion': '1.0',
  'ce-id': '1',
  'ce-source': '/s',
  'ce-type': 't',
  'content-type': 'application/json',
}

async function start(name: string): Promise<RuntimeProcess> {
  const text = readFileSync(join(EXAMPLES, name, 'manifest.yaml'), 'utf8')
  const manifest = parseAllDocuments(text)[0]?.toJS() as FunctionManifest & { spec: { code: { path: string } } }
  const { handler = 'index.handler', signature = 'event', code } = manifest.spec
  const { files } = await packCode(join(EXAMPLES, name, code.path), code.path)
  return RuntimeProcess.with({ files, handler, signature, concurrency: signature === 'http' ? 80 : 1 })
}

test.each<[string, CallOptions, number, string]>([
  ['event-esm', { body: '{"queryStringParameters":{"name":"you"}}' }, 200, '"message":"Hello, you!"'],
  ['event-commonjs', { body: '{"queryStringParameters":{"language":"ja"}}' }, 200, 'こんにちは, world!'],
  ['event-commonjs', { body: '{"language":"xx"}' }, 500, 'no greeting in'],
  ['http-esm', { body: '12345', path: '/a' }, 200, '"method":"POST","url":"/a","bytes":5'],
  ['http-commonjs', { method: 'GET' }, 200, 'Hello from CommonJS'],
  ['http-commonjs', { method: 'GET', path: '/nope' }, 404, 'Nothing at /nope'],
  ['http-streaming', { method: 'GET' }, 200, 'tick 5\n'],
  ['http-streaming', { method: 'GET', headers: { accept: 'text/event-stream' } }, 200, 'id: 5\nevent: tick\n'],
  ['websocket', { method: 'GET' }, 426, 'connect with ws://'],
  ['cloudevent-esm', { headers: CE, body: '{"a":1}' }, 200, '"data":{"a":1}'],
  ['cloudevent-commonjs', { headers: CE, body: '{"amount":3}' }, 204, ''],
  ['cloudevent-commonjs', { headers: CE, body: '{}' }, 500, 'data.amount must be a number'],
])('examples/hello/%s answers %j with %d', async (...[name, call, status, text]) => {
  const runtime = await start(name)
  const answer = await runtime.call(call)
  expect(answer.status).toBe(status)
  expect(answer.text).toContain(text)
})

test('examples/hello/websocket echoes short, long and fragmented messages, answers pings and closes', async () => {
  const runtime = await start('websocket')
  const headers = runtime.callHeaders() as Record<string, string>
  const socket = new WebSocket(`ws://127.0.0.1:${runtime.dataPort}/`, { headers })
  await once(socket, 'open')
  for (const text of ['short', 'ä'.repeat(500), 'x'.repeat(100_000)]) {
    socket.send(text)
    expect(String((await once(socket, 'message'))[0])).toBe(text)
  }
  socket.send('one ', { fin: false })
  socket.send('message', { fin: true })
  expect(String((await once(socket, 'message'))[0])).toBe('one message')
  socket.ping('p')
  expect(String((await once(socket, 'pong'))[0])).toBe('p')
  socket.close(1000)
  expect((await once(socket, 'close'))[0]).toBe(1000)
})
