import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { createWorkspace, FREE_PORTS, functionYaml, type RunningCommand } from '../../builders/dormouse-command.ts'
import { eventually } from '../../builders/eventually.ts'

// Fifteen megabytes of lines on a busy machine.
jest.setTimeout(60_000)

const CODE = `export const handler = async ({ lines = 0, text }) => {
  for (let n = 1; n <= lines; n++) {
    console.log('x'.repeat(100))
    if (n % 1000 === 0) await new Promise((resolve) => setTimeout(resolve, 2))
  }
  console.log(text)
}`
const NOT_HERE = /\d+ lines are not here: they came faster than they were read/

let workspace: ReturnType<typeof createWorkspace>
beforeAll(() => {
  workspace = createWorkspace({ 'app.yaml': functionYaml('talk', CODE, '  timeout: 60s\n') })
})
afterAll(() => workspace.end())

test('readers that stand still, of `dev` and of `logs -f`, hear how many lines they missed, and all that follow', async () => {
  const dev = await workspace.dev('app.yaml')
  const say = (event: object) => workspace.run('invoke', 'talk', '-d', JSON.stringify(event))
  const follower = workspace.start(['logs', 'talk', '-f'])
  const readers: RunningCommand[] = [dev, follower]
  await say({ text: 'hello' })
  for (const { stdout } of readers) await eventually('both read', () => stdout().includes('hello'))
  for (const { child } of readers) child.stdout?.pause()
  await say({ lines: 150_000, text: 'end' })
  for (const { child } of readers) child.stdout?.resume()
  await eventually('both go on', async () => {
    await say({ text: 'more' })
    return readers.every(({ stdout }) => stdout().includes('more\n'))
  })
  expect(dev.stdout()).toMatch(NOT_HERE)
  await follower.says(NOT_HERE)
  expect(dev.stdout().length).toBeLessThan(10_000_000)
})

const hasScript = spawnSync('script', ['--version']).status === 0

;(hasScript ? test : test.skip)(
  'a terminal that stands still holds up no function of `dev` [skipped without the command `script`]',
  async () => {
    const { cwd, command } = workspace
    const line = [process.execPath, command, 'dev', 'app.yaml', ...FREE_PORTS, '--state-dir', 'terminal'].join(' ')
    const env = { ...process.env, HOME: cwd, SHELL: '/bin/sh' }
    const terminal: ChildProcess = spawn('script', ['-qec', line, '/dev/null'], {
      cwd,
      env,
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    let shown = ''
    terminal.stdout?.on('data', (chunk: Buffer) => (shown += chunk.toString()))
    const say = (event: object) =>
      workspace.run('invoke', 'talk', '-d', JSON.stringify(event), '--state-dir', 'terminal')
    const closed = new Promise((resolve) => terminal.once('close', resolve))
    try {
      await eventually('it is up', () => shown.includes('Ctrl-C stops'), { withinMs: 60_000 })
      terminal.stdout?.pause()
      await say({ lines: 30_000, text: 'one' })
      expect((await say({ text: 'while it stands still' })).code).toBe(0)
      terminal.stdout?.resume()
      await eventually('it goes on', async () => {
        await say({ text: 'two\nlines' })
        return shown.includes('lines\r\n')
      })
      expect(shown).toMatch(NOT_HERE)
    } finally {
      // What stands still hears nothing of Ctrl-C either.
      terminal.stdout?.resume()
      terminal.stdin?.write('\x03')
      await closed
    }
  },
)
