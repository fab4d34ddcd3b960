/** What a proxy must get right, rule by rule, against real sockets on both sides. */
import { createHash } from 'node:crypto'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { afterEach, expect, test } from '@jest/globals'
import { until } from '../../builders/eventually.ts'
import { GatewayWorld } from '../../fakes/gateway-world.ts'
import { RawClient } from '../../fakes/raw-client.ts'

let world: GatewayWorld
const clients: RawClient[] = []
afterEach(async () => {
  for (const client of clients.splice(0)) client.close()
  await world.stop()
})

async function raw(): Promise<RawClient> {
  const client = await RawClient.open(world.ports.publicPort)
  clients.push(client)
  return client
}

test('what two servers could read differently is refused: CL and TE, two CLs, bare LF, no Host, two Hosts', async () => {
  world = await GatewayWorld.start()
  const pod = await world.pod()
  const attacks = [
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd',
    'GET / HTTP/1.1\nHost: a\n\n',
    'GET / HTTP/1.1\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n',
    'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
  ]
  for (const attack of attacks) {
    const client = (await raw()).send(attack)
    expect(await client.expect(/\r\n\r\n/)).toMatch(/^HTTP\/1\.1 400 /)
    await client.untilClosed()
  }
  expect(pod.seen).toEqual([])
})

test('Expect: 100-continue is answered by the gateway and never forwarded', async () => {
  world = await GatewayWorld.start()
  const pod = await world.pod()
  for (const size of [5, 50_000]) {
    const client = (await raw()).send(
      `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${size}\r\nExpect: 100-continue\r\n\r\n`,
    )
    await client.expect(/^HTTP\/1\.1 100 Continue\r\n\r\n/)
    client.send('x'.repeat(size))
    await client.expect(/HTTP\/1\.1 200 /)
    expect(pod.seen.at(-1)?.body.length).toBe(size)
    expect(pod.seen.at(-1)?.headers.expect).toBeUndefined()
  }
})

test('a client that waits for 100 gets the refusal instead of it', async () => {
  world = await GatewayWorld.start()
  await world.setRoutes()
  const client = (await raw()).send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n')
  await client.expect(/^HTTP\/1\.1 404 [^]*unknown-route/)
})

test('hop-by-hop headers and those that Connection names end at the gateway, both ways', async () => {
  world = await GatewayWorld.start()
  const pod = await world.pod({
    script: (_request, response) =>
      response
        .writeHead(200, {
          connection: 'keep-alive, x-pod-private',
          'x-pod-private': '1',
          'x-pod': '2',
          'keep-alive': 'timeout=9',
        })
        .end('ok'),
  })
  const client = (await raw()).send(
    'GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, X-Private, x-forwarded-for, dormouse-key\r\nX-Private: 1\r\nX-Kept: 2\r\n' +
      'X-Forwarded-For: 6.6.6.6\r\nTE: trailers\r\nProxy-Authorization: Basic x\r\nKeep-Alive: timeout=1\r\nProxy-Connection: keep-alive\r\n\r\n',
  )
  await client.expect(/\r\nok\r\n/)
  const { headers } = pod.seen[0]!
  expect(Object.keys(headers).sort()).toEqual([
    'connection', // undici's own
    'dormouse-deadline-ms',
    'dormouse-key',
    'dormouse-request-id',
    'host',
    'traceparent',
    'x-forwarded-for',
    'x-forwarded-host',
    'x-forwarded-proto',
    'x-kept',
  ])
  expect(headers['x-forwarded-for']).toBe('127.0.0.1')
  expect(client.received).toContain('x-pod: 2')
  expect(client.received).not.toMatch(/x-pod-private|timeout=9/)
})

test('an absolute-form target is routed and forwarded by its path, and its authority is the host', async () => {
  world = await GatewayWorld.start()
  const pod = await world.pod()
  await (await raw()).send('GET http://shop.example/a?b=1 HTTP/1.1\r\nHost: other\r\n\r\n').expect(/"ok":true/)
  expect(pod.seen[0]).toMatchObject({ url: '/a?b=1', headers: { host: 'shop.example' } })
})

test('the original Host is forwarded and x-forwarded-* are appended', async () => {
  world = await GatewayWorld.start()
  const pod = await world.pod()
  const forwarded = 'X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: front.example\r\n'
  await (await raw()).send(`GET / HTTP/1.1\r\nHost: shop.example:8443\r\n${forwarded}\r\n`).expect(/"ok":true/)
  expect(pod.seen[0]!.headers).toMatchObject({
    host: 'shop.example:8443',
    'x-forwarded-for': '1.2.3.4, 127.0.0.1',
    'x-forwarded-proto': 'https',
    'x-forwarded-host': 'front.example',
  })
})

test('paths that climb are refused however they are written; the rest is forwarded raw', async () => {
  world = await GatewayWorld.start()
  const pod = await world.pod()
  for (const path of ['/a/../b', '/a/%2e%2e/b', '/a/%2E./b', '/%2e%2e%2fb', '/a/%zz', '/a\\..\\b']) {
    const client = (await raw()).send(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`)
    expect(await client.expect(/\}$/)).toMatch(/^HTTP\/1\.1 400 [^]*bad-path/)
  }
  const kept = '/caf%C3%A9/a%2Fb/%7euser?q=%2e%2e'
  await (await raw()).send(`GET ${kept} HTTP/1.1\r\nHost: a\r\n\r\n`).expect(/"ok":true/)
  expect(pod.seen.map(({ url }) => url)).toEqual([kept])
})

test('a client that goes away ends its request at the pod within milliseconds', async () => {
  world = await GatewayWorld.start()
  let abortedAt = 0
  const pod = await world.pod({
    script: (_request, response) => {
      response.writeHead(200).write('first')
      response.on('close', () => (abortedAt = performance.now()))
    },
  })
  const tookMs: number[] = []
  // One of them: a busy machine may be late at any.
  for (let n = 0; n < 5; n++) {
    abortedAt = 0
    const client = (await raw()).send('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await client.expect(/first/)
    const goneAt = performance.now()
    client.close()
    await until(() => abortedAt > 0)
    tookMs.push(abortedAt - goneAt)
  }
  expect(Math.min(...tookMs)).toBeLessThan(100)
  await until(() => pod.running === 0)
  expect([...world.gateway.router.lanes()][0]!.inFlight).toBe(0)
})

test('a client that goes away before any answer ends its request too', async () => {
  world = await GatewayWorld.start()
  const pod = await world.pod({ script: () => undefined })
  const client = (await raw()).send('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  await until(() => pod.running === 1)
  client.close()
  await until(() => pod.aborted === 1)
})

test('a client that stops reading holds up the function, not the gateway’s memory', async () => {
  world = await GatewayWorld.start({ fn: { timeoutMs: 60_000 } })
  const total = 400 * 1024 * 1024
  let produced = 0
  await world.pod({
    script: (_request, response) => {
      const chunk = Buffer.alloc(64 * 1024)
      const more = () => {
        while (produced < total && !response.destroyed) {
          produced += chunk.length
          if (!response.write(chunk)) return void response.once('drain', more)
        }
      }
      response.writeHead(200)
      more()
    },
  })
  const client = await raw()
  client.socket.pause()
  client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  await until(() => produced > 1024 * 1024)
  let before = -1
  while (produced !== before) {
    before = produced
    await new Promise((resolve) => setTimeout(resolve, 150))
  }
  expect(produced).toBeLessThan(32 * 1024 * 1024)
})

test('a pod that stops reading holds up the client’s upload', async () => {
  world = await GatewayWorld.start({ fn: { timeoutMs: 60_000 } })
  let podRequest: IncomingMessage | undefined
  await world.pod({ readsBody: false, script: (request) => (podRequest = request.pause()) })
  const client = await raw()
  client.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${200 * 1024 * 1024}\r\n\r\nfirst`)
  await until(() => podRequest !== undefined)
  const chunk = 'x'.repeat(1024 * 1024)
  for (let i = 0; i < 100 && client.socket.writableLength < 8 * 1024 * 1024; i++) {
    client.send(chunk)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  expect(client.socket.writableLength).toBeGreaterThanOrEqual(8 * 1024 * 1024)
})

test('a large body arrives whole in both directions', async () => {
  world = await GatewayWorld.start({ fn: { timeoutMs: 60_000 } })
  await world.pod({
    readsBody: false,
    script: (request, response) => {
      response.writeHead(200)
      request.pipe(response)
    },
  })
  const sent = Buffer.alloc(20 * 1024 * 1024, 'dormouse')
  const answer = await fetch(world.publicUrl, { method: 'POST', body: sent })
  const hash = (data: Uint8Array) => createHash('sha1').update(data).digest('hex')
  expect(hash(new Uint8Array(await answer.arrayBuffer()))).toBe(hash(sent))
})

test('an answer that comes before the upload ends is delivered and closes the connection', async () => {
  world = await GatewayWorld.start()
  await world.pod({ readsBody: false, script: (_request, response) => response.writeHead(403).end('no') })
  const client = (await raw()).send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\n')
  client.send('x'.repeat(300_000))
  await client.expect(/^HTTP\/1\.1 403 [^]*connection: close[^]*\r\nno\r\n/i)
  await client.untilClosed()
  expect(client.failed).toBeUndefined()
})

test('a pod that dies before its answer is a 502 problem', async () => {
  world = await GatewayWorld.start()
  const pod = await world.pod()
  pod.faults.push('reset-after-ack')
  const answer = await fetch(world.publicUrl)
  expect(answer.status).toBe(502)
  expect(await answer.json()).toMatchObject({ code: 'pod-died', status: 502 })
})

test('a pod that dies in the middle of its answer never ends the client’s answer cleanly', async () => {
  world = await GatewayWorld.start()
  await world.pod({
    script: (request, response) => {
      response.writeHead(200).write('part')
      setTimeout(() => request.socket.resetAndDestroy(), 20)
    },
  })
  const client = (await raw()).send('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  await client.expect(/part/)
  await client.untilClosed()
  expect(client.received).not.toMatch(/\r\n0\r\n\r\n$/)
})

test('to an HTTP/1.0 client, for whom an answer without length ends with its connection, what breaks off is a reset', async () => {
  world = await GatewayWorld.start({ fn: { timeoutMs: 1_000 }, routing: { graceMs: 50 } })
  await world.pod({
    script: (request, response) => {
      response.writeHead(200).write('part')
      if (request.url === '/dies') setTimeout(() => request.socket.resetAndDestroy(), 20)
    },
  })
  for (const path of ['/dies', '/is-late']) {
    const client = (await raw()).send(`GET ${path} HTTP/1.0\r\nHost: a\r\n\r\n`)
    await client.expect(/part/)
    await client.untilClosed()
    expect([path, client.ended, client.failed?.code]).toEqual([path, false, 'ECONNRESET'])
  }
})

test('an answer that announces trailers passes where they cannot be sent: without them', async () => {
  world = await GatewayWorld.start()
  await world.pod({
    script: (_, response) => {
      response.writeHead(200, { trailer: 'x-sum' })
      response.write('body')
      response.addTrailers({ 'x-sum': '42' })
      response.end()
    },
  })
  const old = (await raw()).send('GET / HTTP/1.0\r\nHost: a\r\n\r\n')
  await old.untilClosed()
  expect([old.received.split('\r\n', 1)[0], old.received.endsWith('\r\n\r\nbody')]).toEqual(['HTTP/1.1 200 OK', true])
  expect(old.received).not.toMatch(/trailer|x-sum/i)
})

test('a pod that answers no HTTP is a 502 problem', async () => {
  world = await GatewayWorld.start()
  const pod = await world.pod()
  pod.faults.push('garbage')
  const answer = await fetch(world.publicUrl)
  expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([502, 'bad-answer'])
})

test('trailers, repeated Set-Cookie, 204, 304 and HEAD pass as they are', async () => {
  world = await GatewayWorld.start()
  await world.pod({
    script: ({ url, method }, response) => {
      if (url === '/trailers') {
        response.writeHead(200, { trailer: 'x-sum', 'set-cookie': ['a=1', 'b=2'] })
        response.write('body')
        response.addTrailers({ 'x-sum': '42' })
        return void response.end()
      }
      if (url === '/304') return void response.writeHead(304, { etag: '"x"' }).end()
      if (url === '/204') return void response.writeHead(204).end()
      response.writeHead(200, { 'content-length': 5 })
      response.end(method === 'HEAD' ? undefined : 'hello')
    },
  })
  const get = (path: string, method = 'GET') =>
    new Promise<{ answer: IncomingMessage; body: string }>((resolve, reject) => {
      httpRequest(`${world.publicUrl}${path}`, { method, agent: false }, (answer) => {
        let body = ''
        answer.on('data', (chunk: Buffer) => (body += chunk.toString()))
        answer.on('end', () => resolve({ answer, body }))
      })
        .on('error', reject)
        .end()
    })
  const trailers = await get('/trailers')
  expect(trailers.body).toBe('body')
  expect(trailers.answer.trailers).toEqual({ 'x-sum': '42' })
  expect(trailers.answer.headers['set-cookie']).toEqual(['a=1', 'b=2'])
  expect((await get('/304')).answer).toMatchObject({ statusCode: 304, headers: { etag: '"x"' } })
  const empty = await get('/204')
  expect(empty.answer.statusCode).toBe(204)
  expect(empty.answer.headers['transfer-encoding']).toBeUndefined()
  const head = await get('/head', 'HEAD')
  expect([head.answer.statusCode, head.answer.headers['content-length'], head.body]).toEqual([200, '5', ''])
})

test('early hints pass before the answer, but only to browsers: other clients take them for it', async () => {
  world = await GatewayWorld.start()
  const link = '</a.css>; rel=preload'
  await world.pod({
    script: (request, response) => {
      response.writeProcessing()
      if (request.url === '/odd') request.socket.write('HTTP/1.1 103 Early Hints\r\nlink: odd\r\n\r\n')
      else response.writeEarlyHints({ link, 'x-trace': 'of the pod' })
      response.end('done')
    },
  })
  const ask = async (line: string, more = 'Sec-Fetch-Mode: navigate\r\n') => {
    const client = (await raw()).send(`${line}\r\nHost: a\r\n${more}\r\n`)
    const [before] = (await client.expect(/200 OK[^]*done/)).split('HTTP/1.1 200 OK')
    return before
  }
  expect(await ask('GET / HTTP/1.1')).toBe(`HTTP/1.1 103 Early Hints\r\nLink: ${link}\r\n\r\n`)
  expect(await ask('GET / HTTP/1.0')).toBe('')
  expect(await ask('GET /odd HTTP/1.1')).toBe('')
  const python =
    'User-Agent: python-requests/2.32.5\r\nAccept-Encoding: gzip, deflate\r\nAccept: */*\r\nConnection: keep-alive\r\n'
  expect(await ask('GET / HTTP/1.1', python)).toBe('')
})

test('expectations that nobody knows are ignored: the function answers, as it does to HTTP/1.0', async () => {
  world = await GatewayWorld.start()
  const pod = await world.pod({ script: (_request, response, body) => void response.end(`<${body.toString()}>`) })
  const client = await raw()
  client.send(
    'POST / HTTP/1.1\r\nHost: a\r\nExpect: 200-ok\r\nContent-Length: 2\r\n\r\nhiGET / HTTP/1.1\r\nHost: a\r\n\r\n',
  )
  const text = await client.expect(/<hi>[^]*<>/)
  expect(text.match(/HTTP\/1.1 200 OK[^]*?dormouse-request-id/g)).toHaveLength(2)
  expect(pod.seen[0]!.headers.expect).toBeUndefined()
})

test('pipelined requests are answered in order on one connection', async () => {
  world = await GatewayWorld.start()
  await world.pod({ script: ({ url }, response) => setTimeout(() => response.end(`<${url}>`), url === '/1' ? 30 : 0) })
  const client = await raw()
  client.send(['/1', '/2', '/3'].map((path) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`).join(''))
  const text = await client.expect(/<\/3>/)
  expect([...text.matchAll(/<(\/\d)>/g)].map(([, path]) => path)).toEqual(['/1', '/2', '/3'])
})

test('a connection the pod closes while idle is no error for the next request', async () => {
  world = await GatewayWorld.start()
  const pod = await world.pod()
  for (let i = 0; i < 20; i++) {
    expect((await fetch(world.publicUrl)).status).toBe(200)
    pod.closeIdle()
    if (i % 2 === 0) await new Promise((resolve) => setTimeout(resolve, 1))
  }
})
