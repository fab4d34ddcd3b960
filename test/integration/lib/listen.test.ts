import { createServer, type Server } from 'node:http'
import { afterEach, expect, test } from '@jest/globals'
import { closeServer, listen } from '../../../lib/listen.ts'
import { describeWithIpv6 } from '../../builders/ipv6.ts'

let server: Server
afterEach(() => closeServer(server))

const started = (host?: string) => {
  server = createServer((_request, response) => response.end('here'))
  return listen(server, { host, port: 0, purpose: 'test' })
}
const answer = async (host: string, port: number) => (await fetch(`http://${host}:${port}`)).text()

describeWithIpv6('a listener', () => {
  test('without a host answers on IPv4 and on IPv6', async () => {
    const port = await started()
    expect([await answer('127.0.0.1', port), await answer('[::1]', port)]).toEqual(['here', 'here'])
  })

  test('with a host answers there only', async () => {
    const port = await started('127.0.0.1')
    await expect(answer('[::1]', port)).rejects.toThrow('fetch failed')
  })
})

test('a port that is taken is named, with and without a host', async () => {
  const port = await started()
  const second = (host?: string) => listen(createServer(), { host, port, purpose: 'test' })
  await expect(second()).rejects.toThrow(`port ${port} for test is in use on this machine`)
  await expect(second('127.0.0.1')).rejects.toThrow(`port ${port} for test is in use on 127.0.0.1`)
})
