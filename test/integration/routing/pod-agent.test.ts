/** Connections to pods over real sockets: reused, given up, never lost. */
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from '@jest/globals'
import { PodAgent, type PodHandler } from '../../../routing/pod-agent.ts'
import { eventually } from '../../builders/eventually.ts'

const cleanups: (() => Promise<unknown> | void)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

async function pod(listener: RequestListener = (_request, response) => void response.end('ok')) {
  const server: Server = createServer({ keepAliveTimeout: 60_000 }, listener)
  const seen = { opened: 0, open: 0 }
  server.on('connection', (socket) => {
    seen.opened++
    seen.open++
    socket.on('close', () => seen.open--)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  cleanups.push(() => (server.closeAllConnections(), void server.close()))
  return { server, seen, origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

function agent(keepAliveTimeout = 4_000): PodAgent {
  const keepAliveMaxTimeout = keepAliveTimeout
  const created = new PodAgent({ connectTimeoutMs: 1_000, pipelining: 1, keepAliveTimeout, keepAliveMaxTimeout })
  cleanups.push(() => created.destroy())
  return created
}

/** The body, or the error, when undici is done with the connection: a turn after the answer's end. */
async function send(through: PodAgent, origin: string, headers: string[] = []): Promise<string | Error> {
  const outcome = await exchange(through, origin, headers)
  await new Promise((resolve) => setImmediate(resolve))
  return outcome
}

function exchange(through: PodAgent, origin: string, headers: string[] = []): Promise<string | Error> {
  return new Promise((resolve) => {
    let body = ''
    const handler: PodHandler = {
      onRequestStart: () => undefined,
      onResponseStart: () => undefined,
      onResponseData: (_controller, chunk) => void (body += chunk.toString()),
      onResponseEnd: () => {
        handler.connection?.answered()
        resolve(body)
      },
      onResponseError: (_controller, error) => resolve(error),
    }
    through.dispatch({ origin, method: 'GET', path: '/', headers, body: null }, handler)
  })
}

test('requests one after the other share a connection, requests at once have one each and keep them', async () => {
  const { origin, seen } = await pod()
  const through = agent()
  for (let i = 0; i < 5; i++) expect(await send(through, origin)).toBe('ok')
  expect(seen.opened).toBe(1)
  for (let round = 0; round < 3; round++) await Promise.all(Array.from({ length: 8 }, () => send(through, origin)))
  expect(seen.opened).toBe(8)
})

test('whoever has read its answer can use the connection again at once', async () => {
  const { origin, seen } = await pod()
  const through = agent()
  const worker = async () => {
    for (let i = 0; i < 20; i++) expect(await exchange(through, origin)).toBe('ok')
  }
  await Promise.all(Array.from({ length: 4 }, worker))
  expect(seen.opened).toBe(4)
})

test('a request is sent while the end of the answer before it is told, and waits for nobody else', async () => {
  let hold = true
  const { origin, seen } = await pod((request, response) => {
    if (request.url === '/held' && hold) setTimeout(() => response.end('held'), 300)
    else response.end('ok')
  })
  const through = agent()
  const order: string[] = []
  await new Promise<void>((resolve) => {
    const get = (path: string, then: () => void) => {
      const handler: PodHandler = {
        onRequestStart: () => undefined,
        onResponseStart: () => undefined,
        onResponseData: () => undefined,
        onResponseEnd: () => {
          order.push(path)
          handler.connection?.answered()
          then()
        },
        onResponseError: (_controller, error) => void order.push(String(error)),
      }
      through.dispatch({ origin, method: 'GET', path, headers: [], body: null }, handler)
    }
    let left = 2
    const ended = () => {
      if (--left === 0) resolve()
    }
    // The second of these must not go over the connection of the first, which is busy for long.
    get('/first', () => {
      get('/held', ended)
      get('/free', ended)
    })
  })
  hold = false
  expect(order).toEqual(['/first', '/free', '/held'])
  expect(seen.opened).toBe(2)
})

test('a connection that its answer closes costs the next request nothing, though it was given back', async () => {
  let closes = true
  const { origin, seen } = await pod((_request, response) => {
    if (closes) response.setHeader('connection', 'close')
    response.end('ok')
  })
  const through = agent()
  for (let i = 0; i < 5; i++) expect(await exchange(through, origin)).toBe('ok')
  closes = false
  for (let i = 0; i < 5; i++) expect(await exchange(through, origin)).toBe('ok')
  expect(seen.opened).toBe(6)
})

test('when a connection is broken the free ones are not used either, and those that run go on', async () => {
  const ends: (() => void)[] = []
  const { origin, seen } = await pod((request, response) => {
    if (request.headers['x-slow'] === undefined) response.end('ok')
    else ends.push(() => response.end('slow'))
  })
  const through = agent()
  await Promise.all(Array.from({ length: 4 }, () => send(through, origin)))
  const slow = send(through, origin, ['x-slow', '1'])
  await eventually('it runs', () => ends.length === 1)
  const handler: PodHandler = {
    onRequestStart: () => undefined,
    onResponseStart: () => undefined,
    onResponseData: () => undefined,
    onResponseEnd: () => handler.connection?.answered(),
    onResponseError: () => undefined,
  }
  through.dispatch({ origin, method: 'GET', path: '/', headers: [], body: null }, handler)
  handler.connection?.broken()
  expect(await send(through, origin)).toBe('ok')
  expect(seen.opened).toBe(5)
  ends[0]?.()
  expect(await slow).toBe('slow')
  await eventually('the others are closed', () => seen.open <= 3)
})

test('a request that undici refuses costs no connection', async () => {
  const { origin, seen } = await pod()
  const through = agent()
  for (let i = 0; i < 5; i++) {
    expect(await send(through, origin, ['bad name', 'x'])).toMatchObject({ code: 'UND_ERR_INVALID_ARG' })
    expect(await send(through, origin)).toBe('ok')
  }
  expect(seen.opened).toBe(1)
})

test('a connection the pod closes is replaced, before, between and while answering', async () => {
  let answer: RequestListener = (_request, response) => void response.end('ok')
  const { origin, server, seen } = await pod((request, response) => answer(request, response))
  const through = agent()
  await send(through, origin)
  server.closeIdleConnections()
  await eventually('the connection to end', () => (seen.open === 0 ? true : undefined))
  expect(await send(through, origin)).toBe('ok')
  answer = (request) => void request.socket.destroy()
  expect(await send(through, origin)).toBeInstanceOf(Error)
  answer = (_request, response) => void response.setHeader('connection', 'close').end('last')
  expect(await send(through, origin)).toBe('last')
  answer = (_request, response) => void response.end('again')
  expect(await send(through, origin)).toBe('again')
  expect(seen.opened).toBe(4)
})

test('a pod that is not there is an error, and is tried again the next time', async () => {
  const { origin, server } = await pod()
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  const through = agent()
  expect(await send(through, origin)).toMatchObject({ code: 'ECONNREFUSED' })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  expect(await send(through, origin)).toBe('ok')
})

test('idle connections are closed, and what runs is cut by destroy', async () => {
  const { origin, seen } = await pod()
  const through = agent(50)
  await Promise.all(Array.from({ length: 4 }, () => send(through, origin)))
  await eventually('idle connections to close', () => (seen.open === 0 ? true : undefined))

  const hanging = await pod(() => undefined)
  const pending = send(through, hanging.origin)
  await eventually('the request to arrive', () => (hanging.seen.open === 1 ? true : undefined))
  await through.destroy()
  expect(await pending).toBeInstanceOf(Error)
})
