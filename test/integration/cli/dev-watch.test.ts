import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import { existsSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { holdFreePort } from '../../../local/free-port.ts'
import { createWorkspace, FREE_PORTS } from '../../builders/dormouse-command.ts'

jest.setTimeout(180_000)

const fn = (name: string, timeout = '30s') => `apiVersion: dormouse.dev/v1alpha1
kind: Function
metadata:
  name: ${name}
spec:
  runtime: node
  timeout: ${timeout}
  code:
    inline:
      index.mjs: 'export const handler = async () => "hi"'
`

let workspace: ReturnType<typeof createWorkspace>
beforeEach(() => {
  workspace = createWorkspace({ 'app/fn.yaml': fn('hello') })
})
afterEach(() => workspace.end())

const uidOf = async (name: string) =>
  (JSON.parse((await workspace.run('get', 'fn', name, '-o', 'json')).stdout) as { metadata: { uid: string } }).metadata
    .uid

test.each([
  ['empties a manifest before it writes it', () => workspace.write('app/fn.yaml', '')],
  [
    'moves a manifest away before it writes the new one',
    () => renameSync(join(workspace.cwd, 'app/fn.yaml'), join(workspace.cwd, 'app/fn.yaml~')),
  ],
])('an editor that %s deletes nothing', async (_how, firstStep) => {
  const dev = await workspace.dev('app', '--watch')
  const uid = await uidOf('hello')
  firstStep()
  // An editor is this quick, however busy the rest of this process is.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 150)
  workspace.write('app/fn.yaml', fn('hello', '20s'))
  await dev.says(/revision \w+ serving[^]+up[^]+revision \w+ serving/)
  expect(dev.stderr()).not.toContain('deleted')
  expect(await uidOf('hello')).toBe(uid)
})

test('a manifest that is removed deletes its objects', async () => {
  const dev = await workspace.dev('app', '--watch')
  workspace.remove('app/fn.yaml')
  await dev.says(/function\/hello deleted/)
  expect((await workspace.run('get', 'fn', 'hello')).code).toBe(3)
})

test('a manifest that is put right without a change says so', async () => {
  const dev = await workspace.dev('app', '--watch')
  workspace.write('app/fn.yaml', `${fn('hello')}  wrong: : :\n`)
  await dev.says(/✗ app\/fn\.yaml:/)
  workspace.write('app/fn.yaml', fn('hello'))
  await dev.says(/✓ manifests are right again/)
})

test('a mistake is told once for each save, also where the log of dev lies in the folder', async () => {
  const dev = await workspace.dev('app', '--watch')
  dev.child.stderr?.on('data', (chunk: Buffer) => workspace.append('app/dev.log', chunk.toString()))
  workspace.write('app/fn.yaml', fn('hello', '2h'))
  await dev.says(/✗ app\/fn\.yaml:/)
  await delay(1_000)
  expect(dev.stderr().match(/✗ app\/fn\.yaml:/g)).toHaveLength(1)
  workspace.write('app/fn.yaml', `${fn('hello', '2h')}\n# the same mistake again\n`)
  await dev.says(/✗ app\/fn\.yaml:[^]+✗ app\/fn\.yaml:/)
})

test('a save is applied while something else in the folder never stops changing', async () => {
  const dev = await workspace.dev('app', '--watch')
  let written = 0
  const noise = setInterval(() => workspace.write(`app/trace-${written % 40}.log`, String((written += 1))), 5)
  try {
    workspace.write('app/fn.yaml', fn('hello', '10s'))
    const startedAt = performance.now()
    await dev.says(/revision \w+ serving[^]+up[^]+revision \w+ serving/)
    expect(performance.now() - startedAt).toBeLessThan(15_000)
  } finally {
    clearInterval(noise)
  }
})

test('without --watch a mistake is told before anything is started or applied', async () => {
  workspace.write('app/bad.yaml', fn('bad', '2h'))
  const { code, stderr } = await workspace.run('dev', 'app', ...FREE_PORTS)
  expect([code, stderr]).toEqual([4, expect.stringMatching(/^app\/bad\.yaml:7:3: spec\.timeout: [^\n]+\n$/)])
  expect(existsSync(join(workspace.cwd, '.dormouse'))).toBe(false)
})

test('a folder without manifests is told as that', async () => {
  workspace.remove('app/fn.yaml')
  const dev = await workspace.dev('app')
  await dev.says(/no manifests found in app\n/)
})

test('a folder that does not exist leaves no state directory behind', async () => {
  const { code, stderr } = await workspace.run('dev', 'nowhere', '--watch', ...FREE_PORTS)
  expect([code, stderr]).toEqual([1, 'dormouse: nowhere: no such file or folder\n'])
  expect(existsSync(join(workspace.cwd, '.dormouse'))).toBe(false)
})

test('on a port that was chosen, get shows an address of each function that can be called', async () => {
  const held = await holdFreePort('127.0.0.1')
  await held.release()
  const ports = ['--port', '0', '--internal-port', String(held.port), '--management-port', '0']
  const dev = workspace.start(['dev', 'app', ...ports])
  await dev.says(/Dormouse is up/)
  const [, url = ''] = /(http:\/\/\S+)/.exec((await workspace.run('get', 'fn', 'hello')).stdout) ?? []
  expect(await (await fetch(url)).text()).toBe('"hi"')
})

test.each(['stdout', 'stderr'] as const)(
  'a reader of %s that goes away stops it cleanly: exit 0, no lock left',
  async (stream) => {
    workspace.write('app/fn.yaml', fn('hello').replace('async () =>', 'async () => console.log("x".repeat(200)) ??'))
    const dev = await workspace.dev('app', '--watch')
    dev.child[stream]!.destroy()
    for (let call = 0; call < 3; call += 1) await workspace.run('invoke', 'hello')
    workspace.write('app/fn.yaml', fn('hello', '20s'))
    const until = performance.now() + 20_000
    while (dev.child.exitCode === null && stream === 'stdout' && performance.now() < until) await delay(20)
    dev.child.kill('SIGHUP')
    expect((await dev.ended).code).toBe(0)
    expect(existsSync(join(workspace.cwd, '.dormouse/owner.json'))).toBe(false)
  },
)
