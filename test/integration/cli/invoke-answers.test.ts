import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createWorkspace, functionYaml as fn } from '../../builders/dormouse-command.ts'

jest.setTimeout(180_000)

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
  fn(
    'hexes',
    `export const handler = async (req, res) => {
      const chunks = []
      for await (const chunk of req) chunks.push(chunk)
      res.end(\`\${req.headers['content-type']} \${Buffer.concat(chunks).toString('hex')}\`)
    }`,
    HTTP,
  ),
  fn('events', 'export const handler = async (event) => event'),
  fn('streams', 'export const handler = awslambda.streamifyResponse(async (event, stream) => stream.end("all\\n"))'),
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

const NOT_UTF8 = Buffer.from('{"n":"\xff\xfe"}', 'latin1')
const HEX = NOT_UTF8.toString('hex')

test('invoke sends bytes that are no text as they are, from a file and from standard input', async () => {
  writeFileSync(join(workspace.cwd, 'body.bin'), NOT_UTF8)
  const want = `application/octet-stream ${HEX}\n`
  expect(await workspace.run('invoke', 'hexes', '-d', '@body.bin')).toEqual({ code: 0, stdout: want, stderr: '' })
  expect((await workspace.start(['invoke', 'hexes', '-d', '-'], { stdin: NOT_UTF8 }).ended).stdout).toBe(want)
})

test('invoke names the place where the JSON of an event is not UTF-8, and sends nothing', async () => {
  writeFileSync(join(workspace.cwd, 'event.json'), NOT_UTF8)
  expect(await workspace.run('invoke', 'events', '-d', '@event.json')).toEqual({
    code: 2,
    stdout: '',
    stderr: 'dormouse: --data: expected text in UTF-8, and event.json is none at 1:7\n',
  })
})

test('invoke --tail says where the log of an http function is', async () => {
  const { stdout, stderr } = await workspace.run('invoke', 'bytes', '--tail')
  expect(stdout).not.toBe('')
  expect(stderr).toBe('dormouse: functions of signature http send no log tail; see `dormouse logs bytes`\n')
})

test('invoke --tail says where the log of a streamed answer is', async () => {
  const stderr = 'dormouse: this answer came without its log; see `dormouse logs streams`\n'
  expect(await workspace.run('invoke', 'streams', '--tail')).toMatchObject({ code: 0, stderr })
})
