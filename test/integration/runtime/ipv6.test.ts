import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, jest, test } from '@jest/globals'
import { describeWithIpv6 } from '../../builders/ipv6.ts'
import { endRuntimes, exchange, RuntimeProcess } from '../../builders/runtime-process.ts'

// The thread of the watchdog gives way to whatever else the machine has to do.
jest.setTimeout(180_000)
afterEach(endRuntimes)

/** As in a pod: nothing says where to listen. */
const IN_A_POD = { DORMOUSE_LISTEN_HOST: '', DORMOUSE_POD_IP: '::1' }
const onIpv6 = (runtime: RuntimeProcess, requestId: string) =>
  exchange(runtime.dataPort, {
    host: '::1',
    method: 'POST',
    headers: runtime.callHeaders({ requestId, deadlineMs: 1_000 }),
    body: '{}',
  })

describeWithIpv6('in a pod, the runtime', () => {
  test('is asked, specialized and called on IPv6 as on IPv4', async () => {
    const runtime = await RuntimeProcess.start({ env: IN_A_POD })
    expect((await exchange(runtime.controlPort, { host: '::1', path: '/healthz' })).status).toBe(200)
    await runtime.specialize({ files: { 'index.mjs': 'export const handler = async () => "hi"' } })
    expect((await onIpv6(runtime, 'six')).text).toBe('"hi"')
    expect((await runtime.invoke({})).text).toBe('"hi"')
  })

  test('says over IPv6 that it is up, from the address it names', async () => {
    const controller = createServer((_request, response) => response.writeHead(204).end()).listen(0, '::1')
    await once(controller, 'listening')
    const { port } = controller.address() as AddressInfo
    const call = once(controller, 'request')
    await RuntimeProcess.start({
      env: {
        ...IN_A_POD,
        DORMOUSE_PHONE_HOME_URL: `http://[::1]:${port}/v1/pods`,
        DORMOUSE_PHONE_HOME_TOKEN: 'token',
      },
    })
    const [request] = (await call) as [{ url: string; headers: { host: string }; socket: { remoteAddress: string } }]
    expect([request.url, request.headers.host, request.socket.remoteAddress]).toEqual([
      '/v1/pods',
      `[::1]:${port}`,
      '::1',
    ])
    controller.close()
  })

  test('answers a caller on IPv6 from its watchdog when the event loop is blocked', async () => {
    const runtime = await RuntimeProcess.start({ env: IN_A_POD })
    const files = { 'index.mjs': 'export const handler = async () => { for (;;); }' }
    await runtime.specialize({ files, timeoutMs: 1_000 })
    expect(await onIpv6(runtime, 'blocked')).toMatchObject({ status: 500, headers: { 'dormouse-error': 'timeout' } })
    expect((await runtime.exited).signal).toBe('SIGKILL')
  })
})
