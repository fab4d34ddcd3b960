import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { spawnSync } from 'node:child_process'
import { createWorkspace, functionYaml as fn } from '../../builders/dormouse-command.ts'

jest.setTimeout(30_000)

const HTTP = '  signature: http\n'
const APP = [
  fn(
    'drips',
    'export const handler = (req, res) => { res.write("first\\n"); setTimeout(() => res.end("last\\n"), 3000) }',
    HTTP,
  ),
  fn('cuts', 'export const handler = (req, res) => { res.write("half"); setTimeout(() => res.destroy(), 200) }', HTTP),
  fn(
    'bytes',
    'export const handler = (req, res) => { res.setHeader("content-type", "image/png"); res.end(Buffer.from([137, 80, 255, 0])) }',
    HTTP,
  ),
].join('---\n')

let workspace: ReturnType<typeof createWorkspace>
beforeAll(async () => {
  workspace = createWorkspace({ 'app.yaml': APP })
  await workspace.dev('app.yaml')
})
afterAll(() => workspace.end())

test('invoke prints a streamed answer as it comes', async () => {
  const call = workspace.start(['invoke', 'drips'])
  await call.says(/first\n/)
  expect(call.stdout()).toBe('first\n')
  expect((await call.ended).stdout).toBe('first\nlast\n')
})

test('invoke prints what came of an answer that is cut off, and exits 1', async () => {
  expect(await workspace.run('invoke', 'cuts')).toEqual({
    code: 1,
    stdout: 'half',
    stderr: expect.stringMatching(/^\n?dormouse: the answer was cut off before its end\n$/),
  })
})

test('invoke passes bytes that are no text as they are', () => {
  const { stdout } = spawnSync(process.execPath, [workspace.command, 'invoke', 'bytes'], { cwd: workspace.cwd })
  expect([...stdout]).toEqual([137, 80, 255, 0])
})

test('invoke --tail says where the log of an http function is', async () => {
  const { stdout, stderr } = await workspace.run('invoke', 'bytes', '--tail')
  expect(stdout).not.toBe('')
  expect(stderr).toBe('dormouse: functions of signature http send no log tail; see `dormouse logs bytes`\n')
})
