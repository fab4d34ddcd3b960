/** How a process ends that is told to, whatever keeps it. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { afterEach, expect, jest, test } from '@jest/globals'
import { eventually } from '../../builders/eventually.ts'

jest.setTimeout(60_000)

const FILE = new URL('stubborn-process.ts', import.meta.url).pathname
const children: ChildProcess[] = []
afterEach(() => {
  for (const child of children.splice(0)) if (child.exitCode === null) child.kill('SIGKILL')
})

async function run(...args: string[]) {
  const child = spawn(process.execPath, [FILE, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  children.push(child)
  let text = ''
  child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()))
  const ended = once(child, 'close')
  await once(child.stdout, 'data')
  child.kill('SIGTERM')
  await eventually('it drains', () => text.includes('stubborn drains'))
  return { child, said: () => text, ended: async () => ((await ended) as [number | null])[0] }
}

test('what ends in good order has exit code 0, and says nothing more', async () => {
  const { said, ended } = await run('ends')
  expect(await ended()).toBe(0)
  expect(said().trim().split('\n')).toHaveLength(1)
})

test('what hangs is ended at the deadline with 1, in a sentence that names it', async () => {
  const { said, ended } = await run('hangs', '300')
  expect(await ended()).toBe(1)
  expect(said()).toContain('stubborn ends as it was not done 300 ms after it was told to end; unfinished: its work')
})

test('a second signal ends it at once with 1, in a sentence that names what was unfinished', async () => {
  const { child, said, ended } = await run('hangs')
  child.kill('SIGINT')
  expect(await ended()).toBe(1)
  expect(said()).toContain('stubborn ends at once, as it was told a second time (SIGINT); unfinished: its work')
})

test('what throws has exit code 1, and its error is said', async () => {
  const { said, ended } = await run('throws')
  expect(await ended()).toBe(1)
  expect(said()).toContain('its work did not end cleanly')
  expect(said()).toContain('as told')
})

test('what was forgotten and would keep it for ever is named, and does not', async () => {
  const { said, ended } = await run('forgets')
  expect(await ended()).toBe(0)
  expect(said()).toContain('stubborn has stopped and would not end by itself; still open: ')
  expect(said()).toContain('TCPServerWrap')
})
