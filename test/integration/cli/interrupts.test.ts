import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { execFileSync, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { createWorkspace } from '../../builders/dormouse-command.ts'

jest.setTimeout(180_000)

/** Once it is all written, somebody has begun to read. */
const MORE_THAN_FITS_A_PIPE = Buffer.alloc(4_000_000)
const INTERRUPTED = { code: 130, stdout: '', stderr: 'dormouse: interrupted\n' }

let workspace: ReturnType<typeof createWorkspace>
let silent: Server
let silence: string
beforeAll(async () => {
  workspace = createWorkspace()
  silent = createServer(() => undefined).listen(0, '127.0.0.1')
  await once(silent, 'listening')
  silence = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`
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
  const command = workspace.start([...args, '--server', silence])
  await asked
  command.child.kill('SIGINT')
  expect(await command.ended).toEqual(INTERRUPTED)
})

test.each([
  ['publish', 'names'],
  ['apply', '-f', '-'],
])('Ctrl-C ends %s that waits for standard input', async (...args) => {
  const command = workspace.start([...args, '--server', silence], { stdinStaysOpen: true })
  await new Promise((resolve) => command.child.stdin?.write(MORE_THAN_FITS_A_PIPE, resolve))
  command.child.kill('SIGINT')
  expect(await command.ended).toEqual(INTERRUPTED)
})

/** None of its threads has run, or waited to, for a second: it has begun, and waits for others. */
async function atRest(pid: number): Promise<void> {
  const sleeps = (thread: string) =>
    / S /.test(readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8').split(')').at(-1) ?? '')
  const isAtRest = () => readdirSync(`/proc/${pid}/task`).every(sleeps)
  for (let looks = 0; looks < 50; looks = isAtRest() ? looks + 1 : 0) await delay(20)
}

test('Ctrl-C ends what waits for a pipe that nobody writes to, and what somebody writes is read', async () => {
  const pipe = join(workspace.cwd, 'pipe.yaml')
  execFileSync('mkfifo', [pipe])
  const command = workspace.start(['render', '-f', 'pipe.yaml'])
  await atRest(command.child.pid!)
  command.child.kill('SIGINT')
  expect(await command.ended).toEqual(INTERRUPTED)
  const reading = workspace.start(['render', '-f', 'pipe.yaml'])
  const manifest = 'apiVersion: dormouse.dev/v1alpha1\nkind: Runtime\nmetadata:\n  name: own\nspec:\n  image: a\n'
  await writeFile(pipe, manifest)
  expect(await reading.ended).toEqual({ code: 0, stdout: manifest, stderr: '' })
})

test('output that cannot be written is a failure that is told', () => {
  const full = openSync('/dev/full', 'w')
  const { status, stderr } = spawnSync(process.execPath, [workspace.command, 'version'], {
    stdio: ['ignore', full, 'pipe'],
    encoding: 'utf8',
  })
  closeSync(full)
  expect([status, stderr]).toEqual([1, expect.stringMatching(/^dormouse: the output cannot be written: ENOSPC.*\n$/)])
})

test.each([
  ['delete', ['fn', 'a', 'b', 'c', 'd', 'e']],
  ['publish', ['names', '--lines', '-d', 'a\nb\nc\nd\ne']],
])('%s goes on when nobody reads any more what it has done', async (verb, args) => {
  let done = 0
  const slow = createServer(({ method = '' }, response) => {
    const answer = JSON.stringify({ urls: { internal: address() }, topic: 'names', partition: 0, offset: done })
    if (method !== 'GET') done += 1
    setTimeout(() => response.writeHead(200, { 'content-type': 'application/json' }).end(answer), 250)
  }).listen(0, '127.0.0.1')
  const address = () => `http://127.0.0.1:${(slow.address() as AddressInfo).port}`
  await once(slow, 'listening')
  const { child, ended } = workspace.start([verb, ...args, '--server', address()])
  child.stdout?.once('data', () => child.stdout?.destroy())
  expect((await ended).code).toBe(0)
  slow.close()
  expect(done).toBe(5)
})
