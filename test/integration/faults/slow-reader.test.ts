import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { readFileSync } from 'node:fs'
import { request, type IncomingMessage } from 'node:http'
import { eventually } from '../../builders/eventually.ts'
import { functionManifest } from '../../builders/local-platform.ts'
import { startFaultBed, type FaultBed } from './fault-bed.ts'

// Two hundred megabytes through three processes on a busy machine.
jest.setTimeout(60_000)

const MB = 1024 * 1024
const ANSWER_BYTES = 200 * MB
/** Kernel buffers on both connections and a chunk or two in each process. */
const MOST_UNREAD_BYTES = 40 * MB
const CODE = `
const chunk = Buffer.alloc(1024 * 1024, 'x')
let written = 0
async function stream(res) {
  for (written = 0; written < ${ANSWER_BYTES}; written += chunk.length)
    if (!res.write(chunk)) await new Promise((resolve) => res.once('drain', resolve))
  res.end()
}
export const handler = (req, res) => (req.url === '/stream' ? stream(res) : res.end(String(written)))`

const rss = (pid: number) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024

describe('a client that does not read its 200 MB answer', () => {
  let bed: FaultBed
  beforeAll(async () => {
    bed = await startFaultBed({ manifests: [functionManifest('large', CODE, { signature: 'http' })] })
    await bed.call('large')
  })
  afterAll(() => bed.stop())

  const written = async () => Number((await bed.call('large')).text)
  const open = () =>
    new Promise<IncomingMessage>((resolve, reject) => {
      const call = request({
        port: bed.internalPort,
        host: '127.0.0.1',
        path: '/fn/default/large/stream',
        agent: false,
      })
      call.on('response', resolve).on('error', reject).end()
    })

  test('stops the function, fills nobody’s memory, and gets all of it once it reads', async () => {
    const pod = bed.pidOf(await bed.onlyPod('large'))
    const before = { platform: rss(process.pid), pod: rss(pod) }
    const response = await open()
    response.pause()
    let last = -1
    await eventually(
      'the function waits for its reader',
      async () => {
        const now = await written()
        const waits = now > 0 && now === last
        last = now
        await new Promise((resolve) => setTimeout(resolve, 100))
        return waits
      },
      { withinMs: 30_000 },
    )
    expect(last).toBeLessThan(MOST_UNREAD_BYTES)
    expect(rss(process.pid) - before.platform).toBeLessThan(MOST_UNREAD_BYTES)
    expect(rss(pod) - before.pod).toBeLessThan(MOST_UNREAD_BYTES)
    let received = 0
    for await (const chunk of response as AsyncIterable<Buffer>) received += chunk.length
    expect(received).toBe(ANSWER_BYTES)
  })

  test('and goes away frees the function', async () => {
    const response = await open()
    response.destroy()
    await eventually('no call is in flight', () => bed.local.gateway.router.lane('default/large')?.inFlight === 0)
    expect((await bed.call('large')).status).toBe(200)
  })
})
