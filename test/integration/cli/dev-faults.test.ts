import { afterEach, beforeEach, describe, expect, test, jest } from '@jest/globals'
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import {
  createWorkspace,
  descendants,
  FREE_PORTS,
  type RunningCommand,
  functionYaml as fn,
} from '../../builders/dormouse-command.ts'
import { eventually } from '../../builders/eventually.ts'
import { isAlive } from '../../builders/kubelet-bed.ts'

// Each test starts several processes.
jest.setTimeout(180_000)

let workspace: ReturnType<typeof createWorkspace>
beforeEach(() => {
  workspace = createWorkspace({ 'app/fn.yaml': fn('hello', 'export const handler = async () => "hi"') })
})
afterEach(() => workspace.end())

const run = (...args: string[]) => workspace.run(...args)
const stateFile = () => join(workspace.cwd, '.dormouse/dormouse.db')

/** The pod processes and the guardian: they are in sessions of their own, so that only parentage tells. */
async function podsOf(dev: RunningCommand): Promise<number[]> {
  return eventually('pods', async () => {
    const found = await descendants(dev.child.pid!)
    return found.length >= 4 ? found : undefined
  })
}

describe('dormouse dev that cannot start', () => {
  test.each(['--port', '--internal-port', '--management-port'])(
    'because the port of %s is in use says so in one sentence and exits 1',
    async (option) => {
      const blocker = createServer().listen(0, '127.0.0.1')
      await new Promise((resolve) => blocker.once('listening', resolve))
      const { port } = blocker.address() as { port: number }
      const args = FREE_PORTS.map((arg, index) => (FREE_PORTS[index - 1] === option ? String(port) : arg))
      const { code, stderr } = await run('dev', 'app', ...args)
      await new Promise((resolve) => blocker.close(resolve))
      expect(code).toBe(1)
      expect(stderr).toMatch(
        new RegExp(`^dormouse: port ${port} for gateway \\(\\w+\\) is in use on 127\\.0\\.0\\.1: [^\\n]+$`, 'm'),
      )
      expect(stderr).not.toContain('    at ')
      expect(existsSync(join(workspace.cwd, '.dormouse/owner.json'))).toBe(false)
    },
  )

  test('because --kafka or DORMOUSE_KAFKA names no brokers exits 2', async () => {
    const { code, stderr } = await run('dev', 'app', ...FREE_PORTS, '--kafka', 'nonsense')
    expect([code, stderr]).toEqual([2, expect.stringContaining('Expected host:port[,host:port…].')])
    process.env['DORMOUSE_KAFKA'] = 'localhost'
    const other = await run('dev', 'app', ...FREE_PORTS).finally(() => delete process.env['DORMOUSE_KAFKA'])
    expect([other.code, other.stderr]).toEqual([
      2,
      'dormouse: DORMOUSE_KAFKA: expected host:port[,host:port…], got "localhost"\n',
    ])
  })

  test('because another instance has the state directory names its process', async () => {
    const first = await workspace.dev('app')
    const { code, stderr } = await run('dev', 'app', ...FREE_PORTS)
    expect(code).toBe(1)
    expect(stderr).toMatch(
      new RegExp(`is in use by another Dormouse \\(process ${first.child.pid}, http://[^)]+\\): stop it`),
    )
    expect((await run('invoke', 'hello')).stdout).toBe('"hi"\n')
  })

  test('because its state is damaged says so and leaves the file alone', async () => {
    await run('dev', '--help')
    workspace.write('.dormouse/dormouse.db', 'this is no database, but long enough to look like some file of somebody')
    const before = readFileSync(stateFile(), 'utf8')
    const { code, stderr } = await run('dev', 'app', ...FREE_PORTS)
    expect(code).toBe(1)
    expect(stderr).toMatch(/dormouse\.db is damaged \([^\n]+\): put a backup in its place/)
    expect(readFileSync(stateFile(), 'utf8')).toBe(before)
  })

  const onLinux = existsSync('/proc/self') ? test : test.skip
  onLinux('because no state directory can be made there says so, instead of trying forever', () => {
    const args = [workspace.command, 'dev', 'app', ...FREE_PORTS, '--state-dir', '/proc/dormouse/state']
    const options = { cwd: workspace.cwd, timeout: 30_000, killSignal: 'SIGKILL' } as const
    const { status, stderr } = spawnSync(process.execPath, args, options)
    expect([status, stderr.toString()]).toEqual([
      1,
      expect.stringMatching(/dormouse: \/proc\/dormouse\/state [^\n]+\n$/),
    ])
  })

  test('because a manifest is wrong exits 4, unless it watches', async () => {
    workspace.write('app/bad.yaml', fn('bad', 'x', '  timeout: 2h\n'))
    const { code, stderr } = await run('dev', 'app', ...FREE_PORTS)
    expect(code).toBe(4)
    expect(stderr).toContain('app/bad.yaml:10:3: spec.timeout: ')
    const watching = await workspace.dev('app', '--watch')
    expect(watching.stderr()).toContain('app/bad.yaml:10:3')
  })
})

describe('dormouse dev that ends', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)('by %s stops cleanly: exit 0, no process, no lock', async (signal) => {
    const dev = await workspace.dev('app')
    const pods = await podsOf(dev)
    dev.child.kill(signal)
    expect((await dev.ended).code).toBe(0)
    // The guardian goes an instant after it.
    await eventually('no process', () => pods.filter(isAlive).length === 0)
    expect(existsSync(join(workspace.cwd, '.dormouse/owner.json'))).toBe(false)
  })

  test('by SIGTERM to the npm that runs it stops as well', async () => {
    const args = ['run', '-s', '--prefix', workspace.root, 'dormouse', '--', 'dev', join(workspace.cwd, 'app')]
    const stateDir = join(workspace.cwd, '.dormouse')
    const npm = spawn('npm', [...args, ...FREE_PORTS, '--state-dir', stateDir], { stdio: ['ignore', 'ignore', 'pipe'] })
    let said = ''
    npm.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()))
    await eventually('it is up', () => said.includes('Dormouse is up'), { withinMs: 60_000 })
    const processes = await descendants(npm.pid!)
    npm.kill('SIGTERM')
    const stopped = eventually('no process', () => processes.filter(isAlive).length === 0)
    await stopped.finally(() => processes.filter(isAlive).forEach((pid) => process.kill(pid, 'SIGTERM')))
    expect(existsSync(join(stateDir, 'owner.json'))).toBe(false)
  })

  test('at a second Ctrl-C does so at once, and leaves no process', async () => {
    workspace.write(
      'app/slow.yaml',
      fn('slow', 'export const handler = () => new Promise((r) => setTimeout(r, 20000))'),
    )
    const dev = await workspace.dev('app')
    const pods = await podsOf(dev)
    const call = run('invoke', 'slow')
    await eventually('slow runs', async () => /slow .* 1 /.test((await run('get', 'fn')).stdout))
    dev.child.kill('SIGINT')
    await dev.says(/stopping/)
    await new Promise((resolve) => setTimeout(resolve, 400))
    dev.child.kill('SIGINT')
    expect((await dev.ended).code).toBe(130)
    await eventually('no process', () => pods.filter(isAlive).length === 0)
    await call
  })

  test('by kill -9 leaves no process, not even one whose event loop is blocked, and its state intact', async () => {
    const blocking = 'process.on("SIGTERM", () => {}); export const handler = () => { for (;;); }'
    workspace.write('app/blocks.yaml', fn('blocks', blocking, '  timeout: 15m\n'))
    const dev = await workspace.dev('app')
    const call = run('invoke', 'blocks')
    await eventually('it blocks', async () => /^blocks .* 1 /m.test((await run('get', 'fn')).stdout))
    const processes = await descendants(dev.child.pid!)
    expect(processes.length).toBeGreaterThan(2)
    dev.child.kill('SIGKILL')
    await dev.ended
    await eventually('no process', () => processes.filter(isAlive).length === 0)
    expect((await call).code).not.toBe(0)
    await workspace.dev()
    expect((await run('invoke', 'hello')).stdout).toBe('"hi"\n')
  })
})

test('what was applied is there after a restart, and what was deleted is not', async () => {
  const first = await workspace.dev()
  await run('apply', '-f', 'app/fn.yaml')
  workspace.write('gone.yaml', fn('gone', 'export const handler = () => 1'))
  await run('apply', '-f', 'gone.yaml', '--no-wait')
  await run('delete', '-f', 'gone.yaml')
  const { uid } = JSON.parse((await run('get', 'fn', 'hello', '-o', 'json')).stdout).metadata
  first.child.kill('SIGINT')
  await first.ended
  await workspace.dev()
  expect(JSON.parse((await run('get', 'fn', 'hello', '-o', 'json')).stdout).metadata.uid).toBe(uid)
  expect((await run('get', 'fn', 'gone')).code).toBe(3)
  expect((await run('invoke', 'hello')).stdout).toBe('"hi"\n')
})

/** The machine's own Node, when there is one that cannot run TypeScript. */
const OLD_NODE = ['/usr/bin/node', '/usr/local/bin/node'].find((path) => {
  if (!existsSync(path)) return false
  return Number(/^v(\d+)/.exec(execFileSync(path, ['--version']).toString())?.[1]) < 24
})
const withOldNode = OLD_NODE === undefined ? test.skip : test

withOldNode('an old Node hands over to the one npm brought (skipped where the machine has none)', async () => {
  const ran = await workspace.start(['get', 'deployments'], { node: OLD_NODE! }).ended
  expect([ran.code, ran.stderr]).toEqual([2, expect.stringContaining('there is no kind "deployments"')])
  const dev = workspace.start(['dev', 'app', ...FREE_PORTS], { node: OLD_NODE! })
  await dev.says(/Dormouse is up/)
  const processes = await descendants(dev.child.pid!)
  dev.child.kill('SIGKILL')
  await eventually('its process ends with it', () => processes.filter(isAlive).length === 0)
})
