import { afterEach, describe, expect, jest, test } from '@jest/globals'
import { createServer, type Server } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { functionManifest, startPlatform, triggerManifest, type TestPlatform } from '../../builders/local-platform.ts'
import { eventually } from '../../builders/eventually.ts'

// Each test starts several processes.
jest.setTimeout(60_000)

let platform: TestPlatform
afterEach(() => platform.stop())

const echo = functionManifest('echo', 'export const handler = async (event) => event')
const asleep = (name: string) => eventually('asleep', async () => (await platform.pods(name)).length === 0)

describe('an applied function', () => {
  test('sleeps, wakes on the first request, and says what the wake-up cost', async () => {
    platform = await startPlatform({ manifests: [echo], verifyFirstRevision: false })
    await asleep('echo')
    const response = await platform.invoke('echo', { n: 1 })
    expect(await response.json()).toEqual({ n: 1 })
    expect(response.headers.get('dormouse-cold-start')).toMatch(/specialize=[\d.]+.*total=[\d.]+/)
    expect(await platform.pods('echo')).toHaveLength(1)
  })

  test('that is called while its code is tried for the first time stays awake in the pod that tried it', async () => {
    platform = await startPlatform()
    const code = `await new Promise((resolve) => setTimeout(resolve, 500))
      export const handler = async () => process.pid`
    await platform.client.apply([functionManifest('early', code)])
    const calls = await eventually('it is known', async () => {
      const answer = await platform.invoke('early')
      return answer.status !== 404 && [await answer.json()]
    })
    // Long after the report that would have told of the call.
    for (const pauseMs of [100, 2_500]) {
      await delay(pauseMs)
      calls.push(await (await platform.invoke('early')).json())
    }
    expect(calls).toEqual([calls[0], calls[0], calls[0]])
  })

  test('has files of one time in all its pods, and of another after a change: servers make ETags of it', async () => {
    const stat = (text: string) =>
      functionManifest('stat', {
        'index.mjs': `import { statSync } from 'node:fs'
          export const handler = async () => {
            await new Promise((resolve) => setTimeout(resolve, 300))
            return [process.pid, statSync(new URL('a.txt', import.meta.url)).mtimeMs]
          }`,
        'a.txt': text,
      })
    const calls = async () => {
      const both = await Promise.all([platform.invoke('stat'), platform.invoke('stat')])
      return Promise.all(both.map(async (answer) => (await answer.json()) as [number, number]))
    }
    const twoPods = async () => {
      const answers = await eventually(
        'two pods',
        async () => {
          const found = await calls()
          return new Set(found.map(([pid]) => pid)).size === 2 && found
        },
        { withinMs: 20_000, everyMs: 50 },
      )
      const times = new Set(answers.map(([, time]) => time))
      expect(times.size).toBe(1)
      return [...times][0]!
    }
    platform = await startPlatform({ manifests: [stat('one')], verifyFirstRevision: false })
    const first = await twoPods()
    expect(Math.abs(first - Date.now())).toBeLessThan(60_000)
    await platform.apply(stat('two'))
    await eventually('the new revision', async () => (await calls()).every(([, time]) => time !== first), {
      ...{ withinMs: 20_000, everyMs: 100 },
    })
    expect(await twoPods()).not.toBe(first)
  })

  test('answers on the public listener only where a trigger says so', async () => {
    platform = await startPlatform({
      manifests: [echo, triggerManifest('t', 'echo', { path: '/e', pathType: 'Exact' })],
    })
    expect((await fetch(`${platform.publicUrl}/e`)).status).toBe(200)
    expect((await fetch(`${platform.publicUrl}/fn/default/echo`)).status).toBe(404)
  })

  test('is gone with its pods when it is deleted', async () => {
    platform = await startPlatform({ manifests: [echo] })
    await platform.invoke('echo')
    await platform.client.delete({ plural: 'functions', name: 'echo' })
    await asleep('echo')
    expect((await platform.invoke('echo')).status).toBe(404)
  })
})

describe('the controller', () => {
  test('can be away: warm functions go on; back, it knows their pods and wakes what waited', async () => {
    const other = functionManifest('other', 'export const handler = async () => "other"')
    platform = await startPlatform({ manifests: [echo, other], verifyFirstRevision: false })
    await platform.invoke('echo')
    const [before] = await platform.pods('echo')
    await platform.local.controller.stop()
    expect((await platform.invoke('echo', { n: 2 })).status).toBe(200)
    const waiting = platform.invoke('other')
    await platform.local.controller.start()
    expect(await (await waiting).text()).toBe('"other"')
    const [after] = await platform.pods('echo')
    expect(after?.metadata.uid).toBe(before?.metadata.uid)
  })

  test('registers its metrics again when it comes back', async () => {
    platform = await startPlatform()
    await platform.local.controller.stop()
    await platform.local.controller.start()
    const metrics = await (await fetch(`${platform.managementUrl}/metrics`)).text()
    expect(metrics).toMatch(/^dormouse_controller_/m)
    expect(metrics).toMatch(/^dormouse_gateway_/m)
  })
})

test('stop ends everything, twice is once, and a stopped state can be started again', async () => {
  platform = await startPlatform({ manifests: [echo] })
  const { kubelet } = platform.local
  await Promise.all([platform.local.stop(500), platform.local.stop(500)])
  expect(kubelet.running).toBe(0)
  await expect(fetch(platform.managementUrl)).rejects.toThrow()
})

describe('the local API', () => {
  const post = (body: string, type = 'application/json') =>
    fetch(`${platform.managementUrl}/api/v1/apply`, { method: 'POST', headers: { 'content-type': type }, body })

  test('answers bad requests with a problem, and applies the good of several manifests', async () => {
    platform = await startPlatform()
    for (const [body, status] of [
      ['{', 400],
      ['{}', 400],
      ['{"manifests":1}', 400],
    ] as const) {
      const response = await post(body)
      expect([response.status, response.headers.get('content-type')]).toEqual([
        status,
        expect.stringContaining('application/problem+json'),
      ])
    }
    const results = await platform.client.apply([{ kind: 'Pod' }, echo, functionManifest('Bad_Name', 'x'), 7])
    expect(results.map(({ outcome }) => outcome)).toEqual(['refused', 'created', 'refused', 'refused'])
    expect(results[2]?.message).toContain('metadata.name')
  })

  test('does not show secrets, not even by their name', async () => {
    platform = await startPlatform()
    const response = await fetch(`${platform.managementUrl}/api/v1/objects/secrets`)
    expect(response.status).toBe(404)
    expect(((await response.json()) as { code: string }).code).toBe('unknown-kind')
  })
})

test('pods reach nothing of the user’s environment, but their own and the platform’s address', async () => {
  process.env['SECRET_OF_THE_USER'] = 'x'
  process.env['DORMOUSE_SECRET'] = 'x'
  const code = 'export const handler = async () => Object.keys(process.env)'
  platform = await startPlatform({
    manifests: [functionManifest('env', code, { env: [{ name: 'MINE', value: '1' }] })],
  })
  const names = (await (await platform.invoke('env')).json()) as string[]
  delete process.env['SECRET_OF_THE_USER']
  delete process.env['DORMOUSE_SECRET']
  expect(names).toContain('MINE')
  expect(names).toContain('PATH')
  // The platform's own address is for them.
  expect(names.filter((name) => /^DORMOUSE_|SECRET/.test(name))).toEqual(['DORMOUSE_URL'])
})

test('a port in use leaves nothing behind: the same state starts on other ports', async () => {
  const blocker: Server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => blocker.once('listening', resolve))
  const { port } = blocker.address() as { port: number }
  const { startLocal } = await import('../../../local/platform.ts')
  const { silentLogger } = await import('../../../lib/logger.ts')
  const { mkdtempSync, rmSync } = await import('node:fs')
  const stateDir = mkdtempSync('/tmp/dormouse-state-')
  const common = { stateDir, hostEnvironment: {}, version: 'test', logger: silentLogger }
  const ports = { public: 0, internal: port, management: 0 }
  await expect(startLocal({ ...common, ports })).rejects.toThrow(`port ${port} for gateway (internal) is in use`)
  await new Promise((resolve) => blocker.close(resolve))
  platform = await startPlatform({ stateDir })
  expect((await fetch(`${platform.managementUrl}/healthz`)).status).toBe(200)
  await platform.stop()
  rmSync(stateDir, { recursive: true })
})
