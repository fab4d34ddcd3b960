import { afterEach, describe, expect, test } from '@jest/globals'
import { once } from 'node:events'
import { Agent, request, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { eventually } from '../../builders/eventually.ts'
import { endRuntimes, RuntimeProcess } from '../../builders/runtime-process.ts'

afterEach(endRuntimes)

const http = (code: string) => RuntimeProcess.with({ files: { 'index.mjs': code }, signature: 'http', concurrency: 80 })

/** Calls one after the other on one connection. */
function oneConnection(runtime: RuntimeProcess): { call: (path: string) => Promise<string>; end: () => void } {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const call = async (path: string) => {
    const outgoing = request({
      host: '127.0.0.1',
      port: runtime.dataPort,
      path,
      agent,
      headers: runtime.callHeaders(),
    })
    outgoing.end()
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
    let text = ''
    for await (const chunk of response) text += String(chunk)
    return text
  }
  return { call, end: () => agent.destroy() }
}

test('an answer that is ended twice is whole, and nothing is said of it', async () => {
  const runtime = await http(
    `export const handler = (req, res) => { res.end(Buffer.alloc(8_000_000, 'x')); res.end() }`,
  )
  const { call, end } = oneConnection(runtime)
  expect((await call('/')).length).toBe(8_000_000)
  expect((await call('/')).length).toBe(8_000_000)
  end()
  runtime.child.kill('SIGTERM')
  await runtime.exited
  expect(runtime.stdout).not.toContain('is cut')
})

test.each([
  ['in its head', `res.writeHead(413, { connection: 'close' }).end('too large')`],
  ['beside it', `res.statusCode = 413; res.setHeader('connection', 'close'); res.write('too '); res.end('large')`],
])('an early answer that wants its connection closed, %s, cuts off no upload', async (_where, code) => {
  const runtime = await http(`export const handler = (req, res) => { ${code} }`)
  const socket = connect(runtime.dataPort, '127.0.0.1').setEncoding('utf8')
  const failed = new Promise((resolve) => socket.once('error', ({ message }) => resolve(message)))
  const headers = Object.entries(runtime.callHeaders()).map(([name, value]) => `${name}: ${String(value)}\r\n`)
  socket.write(`POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 20000000\r\n${headers.join('')}\r\n`)
  let text = ''
  socket.on('data', (chunk) => (text += String(chunk)))
  const send = () =>
    new Promise((resolve) => socket.write(Buffer.alloc(1_000_000), (error) => resolve(error?.message ?? 'sent')))
  for (let sent = 0; sent < 20; sent += 1) expect(await Promise.race([failed, send()])).toBe('sent')
  while (!text.includes('large')) await once(socket, 'data')
  expect(text).toMatch(/HTTP\/1.1 413 [\s\S]*connection: close[\s\S]*too [\s\S]*large/i)
  socket.destroy()
})

describe('an http function whose content-length is wrong', () => {
  const TOO_SHORT = `export const handler = (req, res) => {
    if (req.url === '/next') return res.end('next')
    if (req.url === '/characters') return res.setHeader('content-length', 'ääh'.length).end('ääh')
    res.writeHead(200, { 'content-length': 4 })
    res.write('abc')
    setTimeout(() => { res.write('def'); res.end('ghi') }, 20)
  }`

  test('sends as much as it said; what is over never reaches the next answer of the connection', async () => {
    const runtime = await http(TOO_SHORT)
    const connection = oneConnection(runtime)
    expect(await Promise.all(['/late', '/next', '/next'].map(connection.call))).toEqual(['abcd', 'next', 'next'])
    expect(await connection.call('/characters')).toBe('ä\ufffd')
    expect(await connection.call('/next')).toBe('next')
    await eventually('both are told', () => (runtime.stdout.match(/content-length/g) ?? []).length >= 2)
    expect(runtime.stdout.match(/content-length/g)).toHaveLength(2)
    expect(runtime.stdout).toContain('ERROR\tThe answer is longer than its content-length of 4')
    connection.end()
  })

  test('and too large cuts the connection at once: nobody waits for the rest until the deadline', async () => {
    const runtime = await http(`export const handler = (req, res) => {
      res.writeHead(200, { 'content-length': 10 })
      res.end('abc')
    }`)
    const startedAt = performance.now()
    await expect(runtime.call({ deadlineMs: 20_000 })).rejects.toThrow(/aborted|hang up|ECONNRESET/)
    expect(performance.now() - startedAt).toBeLessThan(10_000)
    expect(await runtime.printed('content-length')).toContain('shorter than its content-length of 10')
  })

  test('is left alone where there is no body: HEAD, 204, 304', async () => {
    const runtime = await http(`export const handler = (req, res) => {
      res.writeHead(Number(req.url.slice(1)), { 'content-length': 10 })
      res.end()
    }`)
    expect(await runtime.call({ method: 'HEAD', path: '/200' })).toMatchObject({ status: 200, text: '' })
    expect(await runtime.call({ path: '/304' })).toMatchObject({ status: 304, text: '' })
    expect(runtime.stdout).toBe('')
  })
})

test('writeContinue writes nothing: the caller has dealt with Expect, and a 100 nobody waits for ends its connection', async () => {
  const runtime = await http(`export const handler = (req, res) => { res.writeContinue(() => res.end('done')) }`)
  expect(await runtime.call()).toMatchObject({ status: 200, text: 'done', informational: [102] })
})

test('an http function that fails after it has ended its answer has answered: the client gets all of it', async () => {
  const ANSWER_BYTES = 8 * 1024 * 1024
  const runtime = await http(`export const handler = async (req, res) => {
    res.end(Buffer.alloc(${ANSWER_BYTES}, 'x'))
    throw new Error('after')
  }`)
  const outgoing = request({ host: '127.0.0.1', port: runtime.dataPort, agent: false, headers: runtime.callHeaders() })
  outgoing.end()
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
  // More than the kernel holds: without a reader the answer is not out yet when the handler fails.
  await runtime.printed('after')
  let sizeBytes = 0
  for await (const chunk of response) sizeBytes += (chunk as Buffer).length
  expect(sizeBytes).toBe(ANSWER_BYTES)
})

test.each(['s.removeAllListeners("close")', 's.removeAllListeners(); s.socket.destroySoon()'])(
  'an http function that takes listeners away (%s) gives its slot back all the same, and can be ended',
  async (code) => {
    const runtime = await RuntimeProcess.with({
      files: { 'index.mjs': `export const handler = (q, s) => { ${code}; s.end('x') }` },
      signature: 'http',
      concurrency: 1,
    })
    for (let i = 0; i < 3; i++) {
      const answer = await runtime.call().catch((error: Error) => error)
      expect(answer).not.toMatchObject({ status: 503 })
    }
    runtime.child.kill('SIGTERM')
    expect((await runtime.exited).code).toBe(0)
  },
)

describe('what an http handler returns', () => {
  test.each([
    ['as a Lambda function does', '({ statusCode: 200, body: "lambda" })'],
    ['as a Web handler does', 'Promise.resolve(new Response("web"))'],
  ])('%s is not the answer, and the log says so', async (_how, value) => {
    const runtime = await http(`export const handler = () => ${value}`)
    const answer = await runtime.call({ deadlineMs: 1_000 })
    expect(answer).toMatchObject({ status: 500, headers: { 'dormouse-error': 'timeout' } })
    expect(await runtime.printed('WARN')).toMatch(
      /\treq-1\tWARN\tWhat the handler returned is not sent: a function of signature http answers through its second argument \(res\)/,
    )
  })

  test.each([
    ['the response, before it is answered', 'setTimeout(() => res.end("ok"), 50), res'],
    ['what an answer was made of', 'res.end("ok"), { statusCode: 200 }'],
    ['what cannot be looked at', 'setTimeout(() => res.end("ok"), 50), { get statusCode() { throw new Error("no") } }'],
  ])('is let be when it is %s', async (_what, value) => {
    const runtime = await http(`export const handler = async (req, res) => (${value})`)
    expect(await runtime.call()).toMatchObject({ status: 200, text: 'ok' })
    expect(runtime.stdout).toBe('')
  })
})
