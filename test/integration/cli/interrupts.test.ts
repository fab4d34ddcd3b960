import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createWorkspace } from '../../builders/dormouse-command.ts'

jest.setTimeout(30_000)

/** Once it is all written, somebody has begun to read. */
const MORE_THAN_FITS_A_PIPE = Buffer.alloc(4_000_000)
const INTERRUPTED = { code: 130, stdout: '', stderr: 'dormouse: interrupted\n' }

let workspace: ReturnType<typeof createWorkspace>
let silent: Server
let address: string
beforeAll(async () => {
  workspace = createWorkspace()
  silent = createServer(() => undefined).listen(0, '127.0.0.1')
  await once(silent, 'listening')
  address = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`
})
afterAll(async () => {
  await workspace.end()
  silent.closeAllConnections()
  silent.close()
})

test.each([
  ['get', 'fn'],
  ['delete', 'fn', 'hello'],
  ['invoke', 'hello'],
  ['logs', 'hello', '-f'],
  ['dlq', 'list', '--trigger', 'hello'],
])('Ctrl-C ends %s %s that waits for a server which says nothing', async (...args) => {
  const asked = once(silent, 'request')
  const command = workspace.start([...args, '--server', address])
  await asked
  command.child.kill('SIGINT')
  expect(await command.ended).toEqual(INTERRUPTED)
})

test.each([
  ['publish', 'names'],
  ['apply', '-f', '-'],
])('Ctrl-C ends %s that waits for standard input', async (...args) => {
  const command = workspace.start([...args, '--server', address], { stdinStaysOpen: true })
  await new Promise((resolve) => command.child.stdin?.write(MORE_THAN_FITS_A_PIPE, resolve))
  command.child.kill('SIGINT')
  expect(await command.ended).toEqual(INTERRUPTED)
})
