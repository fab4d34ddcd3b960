import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { functionManifest, triggerManifest } from '../../builders/local-platform.ts'
import { RawClient } from '../../fakes/raw-client.ts'
import { json, startFaultBed, type FaultBed } from './fault-bed.ts'

const MB = 1024 * 1024
const WEB = `export const handler = async (req, res) => {
  let size = 0
  for await (const chunk of req) size += chunk.length
  res.end(String(size))
}`

describe('a request that is too large', () => {
  let bed: FaultBed
  let ports: Record<string, number>
  beforeAll(async () => {
    bed = await startFaultBed({
      limits: { maxBodyBytes: 8 * MB },
      manifests: [
        functionManifest('counts', 'export const handler = (event) => JSON.stringify(event).length'),
        functionManifest('web', WEB, { signature: 'http' }),
        triggerManifest('counts', 'counts', { path: '/counts' }),
        triggerManifest('web', 'web', { path: '/web' }),
      ],
    })
    ports = { public: bed.publicPort, internal: bed.internalPort }
  })
  afterAll(() => bed.stop())

  const paths = (name: string) => ({ public: `/${name}`, internal: `/fn/default/${name}` })
  const LISTENERS = ['public', 'internal'] as const

  test.each(LISTENERS)('in its declared length is a 413 on the %s listener before it is sent', async (listener) => {
    for (const [name, size] of [
      ['counts', 7 * MB],
      ['web', 9 * MB],
    ] as const) {
      const client = await RawClient.open(ports[listener]!)
      client.send(`POST ${paths(name)[listener]} HTTP/1.1\r\nhost: x\r\ncontent-length: ${size}\r\n\r\n`)
      const answer = await client.expect(/"code":"payload-too-large"/)
      expect(answer).toMatch(/^HTTP\/1\.1 413 /)
      client.close()
    }
  })

  test.each(LISTENERS)(
    'without a declared length is a 413 on the %s listener once it is too much',
    async (listener) => {
      for (const [name, size] of [
        ['counts', 7 * MB],
        ['web', 9 * MB],
      ] as const) {
        const client = await RawClient.open(ports[listener]!)
        client.send(`POST ${paths(name)[listener]} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n`)
        const chunk = 'x'.repeat(MB)
        for (let sent = 0; sent < size; sent += MB) client.send(`${MB.toString(16)}\r\n${chunk}\r\n`)
        expect(await client.expect(/"code":"payload-too-large"/)).toMatch(/^HTTP\/1\.1 413 /)
        client.close()
      }
    },
  )

  test.each(LISTENERS)('in its headers is a 431 on the %s listener, in its target a 414', async (listener) => {
    const client = await RawClient.open(ports[listener]!)
    client.send(`GET ${paths('web')[listener]} HTTP/1.1\r\nhost: x\r\nx-large: ${'y'.repeat(40 * 1024)}\r\n\r\n`)
    expect(await client.expect(/"code":"headers-too-large"/)).toMatch(/^HTTP\/1\.1 431 /)
    await client.untilClosed()
    const long = await RawClient.open(ports[listener]!)
    long.send(`GET ${paths('web')[listener]}?${'q'.repeat(10 * 1024)} HTTP/1.1\r\nhost: x\r\n\r\n`)
    expect(await long.expect(/"code":"uri-too-long"/)).toMatch(/^HTTP\/1\.1 414 /)
    long.close()
  })

  test('leaves requests of just the allowed size alone', async () => {
    const body = JSON.stringify('x'.repeat(6 * MB - 2))
    expect(await bed.call('counts', { body })).toMatchObject({ status: 200, text: String(6 * MB) })
    expect(await bed.call('web', { body: Buffer.alloc(8 * MB) })).toMatchObject({ status: 200, text: String(8 * MB) })
    const tooMuch = await bed.call('web', { body: Buffer.alloc(8 * MB + 1) })
    expect(json(tooMuch)).toMatchObject({ status: 413 })
  })
})
