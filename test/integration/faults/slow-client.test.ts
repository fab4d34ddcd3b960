import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { eventually } from '../../builders/eventually.ts'
import { functionManifest, triggerManifest } from '../../builders/local-platform.ts'
import { RawClient } from '../../fakes/raw-client.ts'
import { startFaultBed, type FaultBed } from './fault-bed.ts'

const spec = { timeout: '3s', scaling: { max: 1 } }

describe('a client that sends byte by byte', () => {
  let bed: FaultBed
  const clients: RawClient[] = []
  beforeAll(async () => {
    bed = await startFaultBed({
      limits: { headersTimeoutMs: 2_000 },
      manifests: [
        functionManifest('echo', 'export const handler = (event) => event.body ?? event', spec),
        triggerManifest('echo', 'echo'),
      ],
    })
    await bed.call('echo')
  })
  afterAll(async () => {
    clients.forEach((client) => client.close())
    await bed.stop()
  })

  async function open(port: number, head: string): Promise<RawClient> {
    const client = await RawClient.open(port)
    clients.push(client)
    return client.send(head)
  }
  const post = (path: string, framing: string) => `POST ${path} HTTP/1.1\r\nhost: x\r\n${framing}\r\n\r\n`

  test.each([
    { where: 'a small body, internal', path: '/fn/default/echo', framing: 'content-length: 10000' },
    { where: 'a small body, public', path: '/', framing: 'content-length: 10000' },
    { where: 'a body of unknown length, public', path: '/', framing: 'transfer-encoding: chunked' },
  ])('holds none of the function’s slots: $where', async ({ path, framing }) => {
    const port = path === '/' ? bed.publicPort : bed.internalPort
    const slow = await open(port, post(path, framing))
    const drip = setInterval(() => slow.send(framing.includes('chunked') ? '1\r\n \r\n' : ' '), 20)
    const answers = []
    for (let call = 0; call < 5; call++) answers.push((await bed.call('echo', { body: '{"n":1}' })).text)
    clearInterval(drip)
    expect(answers).toEqual(Array(5).fill('{"n":1}'))
    expect(slow.received).toBe('')
    slow.close()
  })

  test('and streams its body holds a slot no longer than the function’s timeout', async () => {
    const slow = await open(bed.internalPort, post('/fn/default/echo', 'content-length: 100000'))
    slow.send('"')
    await eventually('the only slot is taken', () => bed.local.gateway.router.lane('default/echo')?.inFlight === 1)
    const drip = setInterval(() => slow.send('x'), 20)
    const answer = await bed.call('echo', { body: '{"n":2}' })
    clearInterval(drip)
    expect(answer).toMatchObject({ status: 200, text: '{"n":2}' })
    expect(await slow.expect(/HTTP\/1\.1 \d+/)).toMatch(/HTTP\/1\.1 (500|504) /)
  })

  test('that finishes in the end is answered', async () => {
    const slow = await open(bed.internalPort, post('/fn/default/echo', 'content-length: 7'))
    for (const byte of '{"n":3}') {
      slow.send(byte)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    expect(await slow.expect(/\{"n":3\}/)).toMatch(/^HTTP\/1\.1 200 /)
  })

  test('and never finishes its headers is told so and cut off', async () => {
    const slow = await open(bed.publicPort, 'GET / HTTP/1.1\r\nhost: x\r\n')
    const drip = setInterval(() => slow.send('x: y\r\n'), 50)
    const answer = await slow.expect(/"code":"request-timeout"/).finally(() => clearInterval(drip))
    expect(answer).toMatch(/^HTTP\/1\.1 408 /)
    await slow.untilClosed()
  })
})
