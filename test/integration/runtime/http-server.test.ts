import { afterEach, describe, expect, test } from '@jest/globals'
import { once } from 'node:events'
import { request } from 'node:http'
import { endRuntimes, RuntimeProcess } from '../../builders/runtime-process.ts'

afterEach(endRuntimes)

const server = (code: string) =>
  RuntimeProcess.with({
    signature: 'http',
    concurrency: 80,
    files: { 'index.mjs': `import http from 'node:http'\n${code}` },
  })

const FAILS = `async (req, res) => {
  await null
  if (req.url === '/slow') return setTimeout(() => res.end('slow'), 300)
  if (req.url === '/half') res.write('half')
  if (req.url === '/ended') res.end('whole')
  throw new TypeError('boom')
}`

describe('an exported http.Server whose listener is async', () => {
  test('and rejects: that call is answered 500 handled, logged under its id, and nobody else’s is touched', async () => {
    const runtime = await server(`export const handler = http.createServer(${FAILS})`)
    const slow = runtime.call({ path: '/slow' })
    const answer = await runtime.call({ requestId: 'req-2' })
    expect(answer).toMatchObject({ status: 500, headers: { 'dormouse-error': 'handled' } })
    expect(JSON.parse(answer.text)).toMatchObject({ errorType: 'TypeError', errorMessage: 'boom' })
    expect(await runtime.printed('Invoke Error')).toMatch(/\treq-2\tERROR\tInvoke Error \t\{"errorType":"TypeError"/)
    expect(await slow).toMatchObject({ status: 200, text: 'slow' })
    await expect(runtime.call({ path: '/half' })).rejects.toThrow(/aborted|hang up|ECONNRESET/)
    expect((await runtime.call({ path: '/ended' })).text).toBe('whole')
    expect((await runtime.call({ path: '/slow' })).text).toBe('slow')
  })

  test('that was added later or beside another is the same; the server is itself, its listeners are those it was given', async () => {
    const runtime = await server(`
      export const handler = http.createServer()
      const seen = []
      handler.on('request', function (req) { seen.push(this === handler && this instanceof http.Server) })
      const fails = ${FAILS}
      handler.on('request', (req, res) => {
        if (req.url === '/add') { handler.on('request', fails); res.end('added') }
        if (req.url === '/remove') { handler.off('request', fails); res.end(JSON.stringify([seen, handler.listenerCount('request')])) }
      })`)
    expect((await runtime.call({ path: '/add' })).text).toBe('added')
    expect((await runtime.call({ path: '/' })).headers['dormouse-error']).toBe('handled')
    expect((await runtime.call({ path: '/' })).headers['dormouse-error']).toBe('handled')
    expect((await runtime.call({ path: '/remove' })).text).toBe('[[true,true,true,true],2]')
  })

  test('is still reached through emit, which instrumentation patches', async () => {
    const runtime = await server(`
      const { emit } = http.Server.prototype
      http.Server.prototype.emit = function (name, req, res) {
        if (name === 'request') res.setHeader('x-traced', req.url)
        return emit.apply(this, arguments)
      }
      export const handler = http.createServer(${FAILS})`)
    expect((await runtime.call({ path: '/slow' })).headers['x-traced']).toBe('/slow')
    expect((await runtime.call()).headers['dormouse-error']).toBe('handled')
  })

  test('keeps what the user said with captureRejections', async () => {
    const runtime = await server(`
      import events from 'node:events'
      events.captureRejections = true
      export const handler = http.createServer(${FAILS})
      handler[Symbol.for('nodejs.rejection')] = (error, event, req, res) => { res.statusCode = 418; res.end(error.message) }`)
    expect(await runtime.call()).toMatchObject({ status: 418, text: 'boom' })
  })

  test('for upgrades and rejects: that connection is cut', async () => {
    const runtime = await server(`
      export const handler = http.createServer(${FAILS})
      handler.on('upgrade', async () => { await null; throw new Error('no') })`)
    const headers = runtime.callHeaders({ headers: { connection: 'upgrade', upgrade: 'x' } })
    const outgoing = request({ host: '127.0.0.1', port: runtime.dataPort, agent: false, headers })
    outgoing.end()
    await expect(once(outgoing, 'upgrade')).rejects.toThrow(/aborted|hang up|ECONNRESET/)
    expect((await runtime.call({ path: '/slow' })).text).toBe('slow')
  })
})

describe('an exported http.Server', () => {
  const ENDS = `
      export const handler = http.createServer((req, res) => res.end('ok')).on('close', () => console.log('closed'))`

  test('can be closed by who made it when the process is told to end, though it never listened', async () => {
    const runtime = await server(`${ENDS}
      process.on('SIGTERM', () => handler.close((error) => { console.log('after', error); process.exit(error ? 9 : 0) }))`)
    expect((await runtime.call()).text).toBe('ok')
    runtime.child.kill('SIGTERM')
    expect(await runtime.exited).toEqual({ code: 0, signal: null })
    expect(runtime.stdout).toMatch(/\tclosed\n[^]*\tafter undefined\n/)
  })

  test('is closed as usual when it listens on a port of its own', async () => {
    const runtime = await server(`${ENDS}
      await new Promise((resolve) => handler.listen(0, '127.0.0.1', resolve))
      process.on('SIGTERM', () => handler.close((error) => { console.log('after', error, handler.listening); process.exit(0) }))`)
    runtime.child.kill('SIGTERM')
    expect(await runtime.exited).toEqual({ code: 0, signal: null })
    expect(runtime.stdout).toMatch(/\tclosed\n[^]*\tafter undefined false\n/)
  })
})
