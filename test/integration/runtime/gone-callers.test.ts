import { afterEach, expect, jest, test } from '@jest/globals'
import { readdirSync, readFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { endRuntimes, RuntimeProcess } from '../../builders/runtime-process.ts'

// The thread of the watchdog gives way to whatever else the machine has to do.
jest.setTimeout(180_000)
afterEach(endRuntimes)

/** Opens files until one must have the number of the connection that is gone, then blocks the event loop. */
const OPEN_AND_BLOCK = `
  const { mkdirSync, openSync } = await import('node:fs')
  mkdirSync('opened')
  for (let i = 0; i < 30; i++) openSync('opened/' + i, 'w')
  for (;;);`

function openedFiles(runtime: RuntimeProcess): string[] {
  const [codeDir = ''] = runtime.codeDirs()
  const directory = join(runtime.codeParent, codeDir, 'opened')
  return readdirSync(directory).map((name) => readFileSync(join(directory, name), 'utf8'))
}

test('the watchdog answers no caller that has gone: its descriptor may be a file of the function by now', async () => {
  const runtime = await RuntimeProcess.with({
    files: {
      'index.mjs': `export const handler = async () => {
        console.log('in')
        await new Promise((resolve) => setTimeout(resolve, 300))
        ${OPEN_AND_BLOCK}
      }`,
    },
  })
  const headers = runtime.callHeaders({ deadlineMs: 2_000 })
  const call = request({ host: '127.0.0.1', port: runtime.dataPort, method: 'POST', agent: false, headers })
  call.on('error', () => undefined)
  call.end('{}')
  await runtime.printed('\tin')
  call.destroy()
  expect((await runtime.exited).signal).toBe('SIGKILL')
  expect(openedFiles(runtime)).toEqual(Array(30).fill(''))
})

test('nor a controller that has gone while the code loads', async () => {
  const runtime = await RuntimeProcess.start({ env: { DORMOUSE_INIT_TIMEOUT_MS: '2000' } })
  const body = JSON.stringify(
    runtime.body({
      files: {
        'index.mjs': `console.log('in')
          await new Promise((resolve) => setTimeout(resolve, 300))
          ${OPEN_AND_BLOCK}`,
      },
    }),
  )
  const headers = { 'dormouse-signature': runtime.sign(body) }
  const call = request({
    host: '127.0.0.1',
    port: runtime.controlPort,
    path: '/specialize',
    method: 'POST',
    agent: false,
    headers,
  })
  call.on('error', () => undefined)
  call.end(body)
  await runtime.printed('\tin')
  call.destroy()
  expect((await runtime.exited).signal).toBe('SIGKILL')
  expect(openedFiles(runtime)).toEqual(Array(30).fill(''))
})
