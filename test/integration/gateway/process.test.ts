import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from '@jest/globals'
import { FAKE_TOKEN, FakeController } from '../../fakes/fake-controller.ts'
import { until } from '../../builders/eventually.ts'

const directory = mkdtempSync(join(tmpdir(), 'dormouse-gateway-'))
let child: ChildProcess | undefined
afterEach(() => {
  child?.kill('SIGKILL')
  rmSync(directory, { recursive: true, force: true })
})

function run(environment: Record<string, string>): { child: ChildProcess; said: () => string } {
  const main = new URL('../../../gateway/main.ts', import.meta.url).pathname
  const started = spawn(process.execPath, [main], { env: environment, stdio: ['ignore', 'ignore', 'pipe'] })
  child = started
  let text = ''
  started.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()))
  return { child: started, said: () => text }
}

test('the process starts from its environment, becomes ready, and ends with 0 on SIGTERM', async () => {
  const controller = await FakeController.start()
  const tokenFile = join(directory, 'token')
  writeFileSync(tokenFile, `${FAKE_TOKEN}\n`)
  const gateway = run({
    DORMOUSE_CONTROLLERS: controller.url,
    DORMOUSE_TOKEN_FILE: tokenFile,
    DORMOUSE_LISTEN_HOST: '127.0.0.1',
    DORMOUSE_PUBLIC_PORT: '0',
    DORMOUSE_INTERNAL_PORT: '0',
    DORMOUSE_MANAGEMENT_PORT: '0',
    DORMOUSE_LINGER_MS: '0',
  })
  await until(() => gateway.said().includes('gateway listens') && controller.feeds === 1)
  const line =
    gateway
      .said()
      .split('\n')
      .find((text) => text.includes('gateway listens')) ?? ''
  const { managementPort } = JSON.parse(line) as { managementPort: number }
  expect((await fetch(`http://127.0.0.1:${managementPort}/readyz`)).status).toBe(200)
  gateway.child.kill('SIGTERM')
  expect(await once(gateway.child, 'exit')).toEqual([0, null])
  await controller.stop()
})

test('a mistake in the environment ends the process with 1 and a sentence', async () => {
  const gateway = run({ DORMOUSE_CONTROLLERS: 'nonsense', DORMOUSE_TOKEN_FILE: '/x' })
  const [code] = (await once(gateway.child, 'close')) as [number]
  expect(code).toBe(1)
  expect(gateway.said()).toContain('gateway: DORMOUSE_CONTROLLERS: expected base URLs')
})
