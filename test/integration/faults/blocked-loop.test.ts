import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { eventually } from '../../builders/eventually.ts'
import { isAlive } from '../../builders/kubelet-bed.ts'
import { functionManifest } from '../../builders/local-platform.ts'
import { json, startFaultBed, type FaultBed } from './fault-bed.ts'

const CODE = `export const handler = ({ block }) => { while (block) ; return process.pid }`

describe('a handler that blocks the event loop', () => {
  let bed: FaultBed
  beforeAll(async () => {
    bed = await startFaultBed({ manifests: [functionManifest('busy', CODE, { timeout: '2s' })] })
  })
  afterAll(() => bed.stop())

  test('is answered as a timeout, its process is ended, the next call runs in another pod', async () => {
    const pid = Number((await bed.call('busy')).text)
    const startedMs = performance.now()
    const blocked = await bed.call('busy', { body: '{"block":true}' })
    expect(performance.now() - startedMs).toBeLessThan(15_000)
    expect(blocked.status === 504 || blocked.headers['dormouse-error'] === 'timeout').toBe(true)
    expect(JSON.stringify(json(blocked))).toMatch(/Timedout|deadline-exceeded/)
    const next = await bed.call('busy')
    expect(next.status).toBe(200)
    expect(Number(next.text)).not.toBe(pid)
    await eventually('the blocked process is gone', () => !isAlive(pid))
    await eventually('its end is told', async () =>
      (await bed.events('busy')).some(({ reason, message }) => reason === 'PodEnded' && /signal 9/.test(message)),
    )
  })

  test('does not keep requests that wait behind it from being served', async () => {
    const blocked = bed.call('busy', { body: '{"block":true}' })
    const others = await Promise.all(Array.from({ length: 4 }, () => bed.call('busy')))
    expect(others.map(({ status }) => status)).toEqual([200, 200, 200, 200])
    expect((await blocked).status).toBeGreaterThanOrEqual(500)
  })
})
