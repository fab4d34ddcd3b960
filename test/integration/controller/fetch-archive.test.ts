/** Fetching archives over real sockets: bounded, and only from where that is allowed. */
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createArchiveFetcher, type ArchiveFetcher } from '../../../controller/code/fetch-archive.ts'
import { sha256Of } from '../../builders/archives.ts'

const BYTES = Buffer.from('an archive')
const LIMITS = { bytes: 100, timeoutMs: 20_000 }
let server: Server
let base: string
let port: number
let respond: RequestListener
let asked = 0
const fetchers: ArchiveFetcher[] = []

beforeEach(async () => {
  asked = 0
  server = createServer((request, response) => {
    asked += 1
    respond(request, response)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  port = (server.address() as AddressInfo).port
  base = `http://127.0.0.1:${port}`
})
afterEach(async () => {
  await Promise.all(fetchers.splice(0).map((fetcher) => fetcher.close()))
  server.closeAllConnections()
  server.close()
})

const outcome = async (url: string, { allowsLoopback = true, sha256 = sha256Of(BYTES), limits = LIMITS } = {}) => {
  const fetcher = createArchiveFetcher({ allowsLoopback }, limits)
  fetchers.push(fetcher)
  return fetcher.fetch({ url, sha256 }, new AbortController().signal).then(
    (bytes) => bytes.toString(),
    (error: Error & { code?: string }) => `${error.code}: ${error.message}`,
  )
}

test('what comes is held to its sha256', async () => {
  respond = (_, response) => response.end(BYTES)
  expect(await outcome(base)).toBe('an archive')
  expect(await outcome(base, { sha256: '0'.repeat(64) })).toBe(
    `code-unavailable: expected sha256 ${'0'.repeat(64)}, what came has ${sha256Of(BYTES)}`,
  )
})

test('a redirect is followed, but not for ever and not to where nothing is fetched from', async () => {
  respond = ({ url }, response) =>
    url === '/there' ? response.end(BYTES) : response.writeHead(302, { location: '/there' }).end()
  expect(await outcome(base)).toBe('an archive')
  respond = (_, response) => response.writeHead(302, { location: '/again' }).end()
  expect(await outcome(base)).toContain('redirected more than 3 times')
  respond = (_, response) => response.writeHead(302, { location: 'http://169.254.169.254/latest' }).end()
  expect(await outcome(base)).toContain('169.254.169.254 is an address that archives are not fetched from')
  respond = (_, response) => response.writeHead(302, { location: 'file:///etc/passwd' }).end()
  expect(await outcome(base)).toContain('expected http or https, got file:')
  respond = (_, response) => response.writeHead(302, { location: `http://user:word@127.0.0.1:${port}/` }).end()
  expect(await outcome(base)).toContain('a URL with a user or password is not asked')
})

test.each(['127.0.0.1', 'localhost', '[::1]', '2130706433', '0x7f.1', '[::ffff:127.0.0.1]'])(
  'this machine is not asked in a cluster, written as %s',
  async (host) => {
    respond = (_, response) => response.end(BYTES)
    expect(await outcome(`http://${host}:${port}/`, { allowsLoopback: false })).toContain('not fetched from')
    expect(asked).toBe(0)
  },
)

test('more bytes than the limit are not taken, announced or not', async () => {
  respond = (_, response) => response.end('x'.repeat(101))
  expect(await outcome(base)).toContain('it is larger than 100 bytes')
  respond = (_, response) => {
    for (let n = 0; n < 20; n += 1) response.write('x'.repeat(10))
  }
  expect(await outcome(base)).toContain('it is larger than 100 bytes')
})

test('who is too slow, says no or is not there is told apart', async () => {
  respond = (_, response) => void response.write('x')
  const limits = { ...LIMITS, timeoutMs: 500 }
  expect(await outcome(base, { limits })).toBe('code-unavailable: it did not come within 0.5 s')
  respond = (_, response) => response.writeHead(404).end('secret')
  expect(await outcome(base)).toBe('code-unavailable: expected status 200, got 404')
  expect(await outcome('http://127.0.0.1:1/')).toBe('code-unavailable: it cannot be reached (ECONNREFUSED)')
  expect(await outcome('http://nowhere.invalid/')).toMatch(/it cannot be reached \((ENOTFOUND|EAI_AGAIN)\)/)
})
