/** What cannot be read behind requests that were sent whole: those are answered all the same, each once and in order. */
import { afterEach, expect, test } from '@jest/globals'
import { until } from '../../builders/eventually.ts'
import { GatewayWorld } from '../../fakes/gateway-world.ts'
import { RawClient } from '../../fakes/raw-client.ts'

let world: GatewayWorld
let client: RawClient
afterEach(async () => {
  client.close()
  await world.stop()
})

const lane = () => world.gateway.router.lane('default/hello')!
const get = (path: string, more = '') => `GET ${path} HTTP/1.1\r\nHost: a\r\n${more}\r\n`

/** A function that takes its time: says its path at once or, at first, nothing; and `done` later. */
async function open(limits = {}, takesMs = 100): Promise<RawClient> {
  world = await GatewayWorld.start({ limits })
  await world.pod({
    script: ({ url = '' }, response) => {
      if (url.startsWith('/stream')) response.write(`begun ${url} `)
      setTimeout(() => response.end(`done ${url}`), takesMs)
    },
  })
  client = await RawClient.open(world.ports.publicPort)
  return client
}

const statuses = () => client.received.match(/HTTP\/1\.1 \d+/g)?.map((line) => Number(line.slice(9)))

test.each([
  ['/late', 'nonsense\r\n\r\n', 400],
  ['/stream', 'nonsense\r\n\r\n', 400],
  ['/late', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx', 400],
  ['/stream', get('/', `X-Big: ${'x'.repeat(64 * 1024)}\r\n`), 431],
])('a request that runs at %s is answered before what follows it is refused', async (path, garbage, status) => {
  await open()
  client.send(get(path))
  await until(() => lane().inFlight === 1)
  client.send(garbage)
  await new Promise((resolve) => setTimeout(resolve, 20))
  client.send('and more of it')
  await client.untilClosed()
  expect(client.received).toContain(`done ${path}`)
  expect(client.failed).toBeUndefined()
  expect(statuses()).toEqual([200, status])
  expect(lane().inFlight).toBe(0)
})

test('of several requests in a row the one with the broken body is refused in its turn', async () => {
  await open()
  client.send(
    get('/one') + get('/stream') + 'POST /third HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
  )
  await client.untilClosed()
  expect(client.received).toMatch(/done \/one[^]*done \/stream[^]*bad-request/)
  expect(statuses()).toEqual([200, 200, 400])
  client.close()
  await until(() => lane().inFlight === 0)
})

test('bytes behind a request that closes the connection do not take its answer away', async () => {
  await open()
  client.send(get('/late', 'Connection: close\r\n') + 'x')
  await client.untilClosed()
  expect(client.received).toContain('done /late')
  expect(statuses()).toEqual([200])
})

test('a head that never comes whole is refused behind the answer before it, not in place of it', async () => {
  await open({ headersTimeoutMs: 500 }, 1_500)
  client.send(get('/late') + 'GET /second HTT')
  await client.untilClosed()
  expect(client.received).toContain('done /late')
  expect(statuses()).toEqual([200, 408])
})

test('a client that goes away meanwhile leaves nothing behind', async () => {
  await open()
  client.send(get('/stream') + 'nonsense\r\n\r\n')
  await client.expect(/begun/)
  client.socket.resetAndDestroy()
  await until(() => lane().inFlight === 0)
})
