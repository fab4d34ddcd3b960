import { afterEach, describe, expect, test } from '@jest/globals'
import { once } from 'node:events'
import { Agent, createServer, request, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createSocketServer, type AddressInfo } from 'node:net'
import { endRuntimes, RuntimeProcess } from '../../builders/runtime-process.ts'

afterEach(endRuntimes)

const SLOW = {
  'index.mjs': `export const handler = async (e) => { console.log('in'); await new Promise((r) => setTimeout(r, e.ms ?? 400)); return 'done' }`,
}

describe('leaving', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)('on %s a generic pod exits at once with 0', async (signal) => {
    const runtime = await RuntimeProcess.start()
    runtime.child.kill(signal)
    expect(await runtime.exited).toEqual({ code: 0, signal: null })
  })

  test.each(['SIGTERM', 'SIGINT'] as const)(
    'on %s what runs is finished, new work refused, the code removed',
    async (signal) => {
      const runtime = await RuntimeProcess.with({ files: SLOW, concurrency: 5 })
      const running = runtime.invoke({ ms: 2500 })
      await runtime.printed('\tin\n')
      runtime.child.kill(signal)
      while ((await runtime.health())['state'] !== 'leaving');
      const refused = await runtime.invoke({})
      expect(refused).toMatchObject({ status: 503, headers: { 'dormouse-refused': 'leaving' }, informational: [] })
      const answer = await running
      expect(answer).toMatchObject({ status: 200, text: '"done"', headers: { connection: 'close' } })
      expect(await runtime.exited).toEqual({ code: 0, signal: null })
      expect(runtime.codeDirs()).toEqual([])
    },
  )

  test('a callback that waits for an empty event loop is not held up by it', async () => {
    const files = {
      'index.mjs': `export const handler = (e, c, cb) => { console.log('in'); setTimeout(() => cb(null, 'done'), 300) }`,
    }
    const runtime = await RuntimeProcess.with({ files })
    const running = runtime.invoke({})
    await runtime.printed('\tin\n')
    runtime.child.kill('SIGTERM')
    expect(await running).toMatchObject({ status: 200, text: '"done"' })
    expect(await runtime.exited).toEqual({ code: 0, signal: null })
  })

  test('refuses cleanly on connections that were open before', async () => {
    const runtime = await RuntimeProcess.with({ files: SLOW, concurrency: 5 })
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const call = async () => {
      const outgoing = request({
        port: runtime.dataPort,
        host: '127.0.0.1',
        method: 'POST',
        agent,
        headers: runtime.callHeaders(),
      })
      outgoing.end('{"ms":0}')
      const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
      response.resume()
      await once(response, 'end')
      return response
    }
    await call()
    const running = runtime.invoke({ ms: 2500 }, { requestId: 'slow' })
    await runtime.printed('\tslow\tINFO\tin\n')
    runtime.child.kill('SIGTERM')
    while ((await runtime.health())['state'] !== 'leaving');
    expect((await call()).headers).toMatchObject({ 'dormouse-refused': 'leaving', connection: 'close' })
    expect((await running).status).toBe(200)
    agent.destroy()
  })

  test('is not delayed by idle keep-alive connections', async () => {
    const runtime = await RuntimeProcess.with({ files: SLOW })
    const agent = new Agent({ keepAlive: true })
    const call = request({
      port: runtime.dataPort,
      host: '127.0.0.1',
      method: 'POST',
      agent,
      headers: runtime.callHeaders(),
    })
    call.end('{"ms":0}')
    const [response] = (await once(call, 'response')) as [IncomingMessage]
    response.resume()
    await once(response, 'end')
    runtime.child.kill('SIGTERM')
    expect((await runtime.exited).code).toBe(0)
    agent.destroy()
  })

  test('happens when stdin ends, if the parent asked for it', async () => {
    const runtime = await RuntimeProcess.start({ stdin: 'pipe', env: { DORMOUSE_EXIT_ON_STDIN_END: '1' } })
    runtime.child.stdin?.end()
    expect(await runtime.exited).toEqual({ code: 0, signal: null })
  })

  test('does not hold up a callback that waits for an empty loop', async () => {
    const files = { 'index.mjs': 'export const handler = (e, c, cb) => cb(null, 1)' }
    const runtime = await RuntimeProcess.with({ files }, { stdin: 'pipe', env: { DORMOUSE_EXIT_ON_STDIN_END: '1' } })
    expect((await runtime.invoke({})).text).toBe('1')
  })
})

describe('phone home', () => {
  test('tells who and where it is, again after failures', async () => {
    const seen: { authorization: string | undefined; body: unknown }[] = []
    const server = createServer((request: IncomingMessage, response: ServerResponse) => {
      let text = ''
      request.on('data', (chunk: Buffer) => (text += chunk.toString()))
      request.on('end', () => {
        seen.push({ authorization: request.headers.authorization, body: JSON.parse(text) })
        if (seen.length < 3) response.writeHead(503)
        response.end()
        if (seen.length === 3) server.emit('enough')
      })
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const env = { DORMOUSE_PHONE_HOME_URL: `http://127.0.0.1:${port}/v1/pods`, DORMOUSE_PHONE_HOME_TOKEN: 't0' }
    const enough = once(server, 'enough')
    const runtime = await RuntimeProcess.start({ env })
    await enough
    const { controlPort, dataPort, uid } = runtime
    expect(seen[2]).toEqual({
      authorization: 'Bearer t0',
      body: { namespace: 'default', name: 'pod-1', uid, address: '127.0.0.1', controlPort, dataPort },
    })
    await runtime.end()
    server.closeAllConnections()
    server.close()
    expect(seen).toHaveLength(3)
  })

  test('that nobody answers does not hold up a callback that waits for an empty loop', async () => {
    const server = createSocketServer((socket) => socket.unref().on('error', () => undefined))
    server.listen(0, '127.0.0.1').unref()
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const called = once(server, 'connection')
    const env = { DORMOUSE_PHONE_HOME_URL: `http://127.0.0.1:${port}/v1/pods`, DORMOUSE_PHONE_HOME_TOKEN: 't0' }
    const runtime = await RuntimeProcess.start({ env })
    await called
    await runtime.specialize({ files: { 'index.mjs': 'export const handler = (e, c, cb) => cb(null, 1)' } })
    expect((await runtime.invoke({})).text).toBe('1')
    await runtime.end()
    server.close()
  })
})

test('a bad environment ends the start with a sentence', async () => {
  await expect(RuntimeProcess.start({ env: { DORMOUSE_DATA_PORT: 'eighty' } })).rejects.toThrow(
    'DORMOUSE_DATA_PORT must be a whole number from 0 to 65535, got "eighty"',
  )
})
