import { createServer as createProxy, type Server } from 'node:http'
import { createServer, type Server as TlsServer } from 'node:https'
import { connect, type AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { newAuthority, type Authority } from '../../builders/certificates.ts'
import { endRuntimes, RuntimeProcess } from '../../builders/runtime-process.ts'

afterEach(endRuntimes)

/** What Node reads when it starts, and a pod has started before it knows its function's environment. */
describe('variables that Node reads at its start count in a function’s env', () => {
  let authority: Authority
  let server: TlsServer

  beforeAll(async () => {
    authority = newAuthority('company')
    server = createServer(authority.server, (_request, response) => response.end('trusted'))
    await listening(server)
  })
  afterAll(() => {
    server.close()
    server.closeAllConnections()
  })

  const CALLS = `
    import { get } from 'node:https'
    const byHttps = (url) => new Promise((resolve) =>
      get(url, { agent: false }, (response) => response.setEncoding('utf8').on('data', resolve)).on('error', (error) => resolve(error.code)))
    const byFetch = (url) => fetch(url).then((response) => response.text(), (error) => error.cause.code)
    export const handler = async ({ url }) => [await byHttps(url), await byFetch(url)]`

  const call = async (env: Record<string, string>) => {
    const files = { 'index.mjs': CALLS, 'certificates/company.pem': authority.ca, 'broken.pem': 'no certificate' }
    const runtime = await RuntimeProcess.with({ files, env })
    const answer = await runtime.invoke({ url: `https://localhost:${portOf(server)}` })
    return { runtime, told: JSON.parse(answer.text) as unknown }
  }

  test.each(['certificates/company.pem', './certificates/company.pem'])('NODE_EXTRA_CA_CERTS=%s', async (path) => {
    const { told } = await call({ NODE_EXTRA_CA_CERTS: path })
    expect(told).toEqual(['trusted', 'trusted'])
  })

  test.each([
    ['missing.pem', 'ENOENT'],
    ['broken.pem', 'no start line'],
  ])('NODE_EXTRA_CA_CERTS=%s is told, and the function runs', async (path, why) => {
    const { runtime, told } = await call({ NODE_EXTRA_CA_CERTS: path })
    expect(told).toEqual([expect.stringMatching(/UNABLE|SELF_SIGNED/), expect.stringMatching(/UNABLE|SELF_SIGNED/)])
    expect(runtime.stdout).toMatch(new RegExp(`\\t-\\tWARN\\tNODE_EXTRA_CA_CERTS=${path} is ignored: .*${why}`))
  })

  test('NODE_USE_ENV_PROXY=1', async () => {
    const asked: string[] = []
    const proxy = createProxy().on('connect', (request, socket) => {
      asked.push(request.url ?? '')
      socket.write('HTTP/1.1 200 OK\r\n\r\n')
      socket.pipe(connect(portOf(server), '127.0.0.1')).pipe(socket)
    })
    await listening(proxy)
    const files = { 'index.mjs': CALLS.replace('{ agent: false }', '{}'), 'ca.pem': authority.ca }
    const env = {
      NODE_USE_ENV_PROXY: '1',
      NODE_EXTRA_CA_CERTS: 'ca.pem',
      HTTPS_PROXY: `http://127.0.0.1:${portOf(proxy)}`,
    }
    const runtime = await RuntimeProcess.with({ files, env })
    const answer = await runtime.invoke({ url: `https://localhost:${portOf(server)}` })
    expect(answer.text).toBe('["trusted","trusted"]')
    expect(asked).toEqual([`localhost:${portOf(server)}`, `localhost:${portOf(server)}`])
    await runtime.end()
    proxy.close()
  })
})

function listening(server: Server | TlsServer): Promise<void> {
  return new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
}

function portOf(server: Server | TlsServer): number {
  return (server.address() as AddressInfo).port
}
