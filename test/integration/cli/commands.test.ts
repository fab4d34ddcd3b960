import { afterAll, beforeAll, describe, expect, test, jest } from '@jest/globals'
import { parse, parseAllDocuments } from 'yaml'
import { createWorkspace } from '../../builders/dormouse-command.ts'
import { eventually } from '../../builders/eventually.ts'

// Each test starts several processes.
jest.setTimeout(180_000)

const fn = (name: string, spec: string) => `apiVersion: dormouse.dev/v1alpha1
kind: Function
metadata:
  name: ${name}
spec:
  runtime: node
${spec}`
const inline = (code: string, spec = '') => `  code:\n    inline:\n      index.mjs: ${JSON.stringify(code)}\n${spec}`

const APP = [
  fn('echo', inline('export const handler = async (event) => { console.log("seen", event.n); return event }')),
  fn('fails', inline('export const handler = async () => { throw new TypeError("not today") }')),
  fn('web', inline('export const handler = (req, res) => res.end(`${req.method} ${req.url}`)', '  signature: http\n')),
  fn(
    'events',
    inline(
      'export const handler = async (event) => ({ type: event.type, data: event.data })',
      '  signature: cloudevent\n',
    ),
  ),
  `apiVersion: dormouse.dev/v1alpha1\nkind: Trigger\nmetadata:\n  name: web\nspec:\n  function: web\n  http:\n    path: /web\n`,
].join('---\n')

let workspace: ReturnType<typeof createWorkspace>
const run = (...args: string[]) => workspace.run(...args)

beforeAll(async () => {
  workspace = createWorkspace({ 'app.yaml': APP })
  await workspace.dev()
})
afterAll(() => workspace.end())

describe('apply', () => {
  test('creates what is new, waits until it serves, and says so', async () => {
    const { code, stdout, stderr } = await run('apply', '-f', 'app.yaml')
    expect({ code, stderr: stderr.includes('not ready') }).toEqual({ code: 0, stderr: false })
    expect(stdout).toMatch(/^function\/echo created$/m)
    expect(stdout).toMatch(/^function\/echo ready {2}revision \w+ after \d+ ms$/m)
    expect(stdout).toMatch(/^trigger\/web ready after/m)
  })

  test('says unchanged the second time, configured after a change', async () => {
    expect((await run('apply', '-f', 'app.yaml', '--no-wait')).stdout).toMatch(/^function\/echo unchanged$/m)
    workspace.write('app.yaml', APP.replace('path: /web', 'path: /www'))
    expect((await run('apply', '-f', 'app.yaml')).stdout).toMatch(/^trigger\/web configured$/m)
  })

  test('with --timeout 0 looks once: what serves already is ready', async () => {
    const { code, stdout } = await run('apply', '-f', 'app.yaml', '--timeout', '0')
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^function\/echo ready +revision /m)])
  })

  test('reads standard input', async () => {
    const { ended } = workspace.start(['apply', '-f', '-'], {
      stdin: fn('from-stdin', inline('export const handler = () => 1')),
    })
    expect(await ended).toMatchObject({ code: 0, stdout: expect.stringContaining('function/from-stdin created') })
  })

  test('of code that does not load exits 1 and says that the old revision goes on', async () => {
    workspace.write('broken.yaml', fn('echo', inline('export const handler = (')))
    const { code, stderr } = await run('apply', '-f', 'broken.yaml')
    expect(code).toBe(1)
    expect(stderr).toMatch(/function\/echo not ready: CodeLoadFailed: .*index\.mjs:1:\d+.* — revision \w+ goes on/)
    expect((await run('invoke', 'echo', '--data', '{"n":1}')).stdout).toBe('{"n":1}\n')
    expect((await run('apply', '-f', 'app.yaml')).code).toBe(0)
  })

  test('of a wrong manifest exits 4 with one line per mistake, and applies nothing', async () => {
    workspace.write(
      'wrong.yaml',
      `${fn('good', inline('export const handler = () => 1'))}---\n${fn('bad', inline('x', '  timeout: 2h\n  colour: red\n'))}`,
    )
    const { code, stderr, stdout } = await run('apply', '-f', 'wrong.yaml')
    expect([code, stdout]).toEqual([4, ''])
    expect(stderr).toBe('wrong.yaml:21:3: unknown field "spec.colour"\n')
    expect((await run('get', 'fn', 'good')).code).toBe(3)
  })

  test('of a folder without manifests, or of none at all, exits 1', async () => {
    workspace.write('empty/readme.txt', '')
    for (const command of ['apply', 'delete', 'render'])
      expect(await run(command, '-f', 'empty')).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('no manifests found in empty'),
      })
    expect(await run('apply', '-f', 'nowhere')).toMatchObject({
      code: 1,
      stderr: 'dormouse: nowhere: no such file or folder\n',
    })
  })
})

describe('get', () => {
  test('prints a table with the columns kubectl prints', async () => {
    const { stdout } = await run('get', 'functions')
    expect(stdout.split('\n')[0]!.split(/ {3,}/)).toEqual(['NAME', 'RUNTIME', 'READY', 'PODS', 'URL', 'AGE'])
    expect(stdout).toMatch(/^echo +node +True +\d+ +http:\/\/\S+ +\d+[sm]\w*$/m)
  })

  test('prints one object as JSON, many as a YAML list', async () => {
    expect(JSON.parse((await run('get', 'fn', 'echo', '-o', 'json')).stdout)).toMatchObject({
      kind: 'Function',
      metadata: { name: 'echo' },
    })
    expect(parse((await run('get', 'trg', '-o', 'yaml')).stdout)).toMatchObject({
      kind: 'List',
      items: [{ kind: 'Trigger' }],
    })
  })

  test('all lists every kind by name', async () => {
    const { stdout } = await run('get', 'all', '-A')
    expect(stdout).toMatch(/^default +function\/echo/m)
    expect(stdout).toMatch(/^default +trigger\/web/m)
    expect(stdout).toMatch(/^default +pod\/node-/m)
  })

  test('of what is not there exits 3, of an unknown kind 2, of an empty namespace 0 with a word', async () => {
    expect(await run('get', 'fn', 'nobody')).toMatchObject({
      code: 3,
      stderr: 'dormouse: Function default/nobody does not exist\n',
    })
    expect((await run('get', 'deployments')).code).toBe(2)
    expect(await run('get', 'fn', '-n', 'empty')).toMatchObject({
      code: 0,
      stdout: '',
      stderr: 'No resources found in namespace empty.\n',
    })
  })

  test('of several names prints what is there, then what is not, and exits 3', async () => {
    const { code, stdout, stderr } = await run('get', 'fn', 'nobody', 'echo', 'neither')
    expect([code, stdout]).toEqual([3, expect.stringMatching(/^NAME .*\necho .*\n$/)])
    const said = (name: string) => `dormouse: Function default/${name} does not exist\n`
    expect(stderr).toBe(said('nobody') + said('neither'))
    const json = await run('get', 'fn', 'nobody', 'echo', '-o', 'json')
    expect([json.code, JSON.parse(json.stdout)]).toMatchObject([3, { kind: 'List', items: [{ kind: 'Function' }] }])
  })

  test('never shows secrets', async () => {
    expect((await run('get', 'secrets', '-A')).code).toBe(2)
  })
})

describe('invoke', () => {
  test('prints the result on stdout, and with --tail the log on stderr', async () => {
    const { code, stdout, stderr } = await run('invoke', 'echo', '--data', '{"n":42}', '--tail')
    expect([code, stdout]).toEqual([0, '{"n":42}\n'])
    expect(stderr).toMatch(/INFO\tseen 42/)
  })

  test('takes the event from a file and from standard input', async () => {
    workspace.write('event.json', '{"n":7}')
    expect((await run('invoke', 'echo', '-d', '@event.json')).stdout).toBe('{"n":7}\n')
    expect((await workspace.start(['invoke', 'echo', '-d', '-'], { stdin: '{"n":8}' }).ended).stdout).toBe('{"n":8}\n')
    expect(await run('invoke', 'echo', '-d', '@missing.json')).toMatchObject({
      code: 2,
      stderr: 'dormouse: --data: missing.json cannot be read\n',
    })
  })

  test('of a function that throws prints its error object and exits 6', async () => {
    const { code, stdout, stderr } = await run('invoke', 'fails')
    expect(code).toBe(6)
    expect(JSON.parse(stdout)).toMatchObject({ errorType: 'TypeError', errorMessage: 'not today' })
    expect(stderr).toBe('dormouse: the function failed (handled)\n')
  })

  test('speaks http and CloudEvents to functions of these signatures', async () => {
    expect((await run('invoke', 'web')).stdout).toBe('GET /\n')
    expect(JSON.parse((await run('invoke', 'events', '-d', '{"n":1}')).stdout)).toEqual({
      type: 'dev.dormouse.invoke',
      data: { n: 1 },
    })
  })

  test('refuses data that is not JSON with exit 2, an unknown function with 3', async () => {
    expect(await run('invoke', 'echo', '-d', '{n:1}')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('expected JSON'),
    })
    expect((await run('invoke', 'nobody')).code).toBe(3)
  })
})

describe('logs', () => {
  test('prints the latest lines', async () => {
    await run('invoke', 'echo', '-d', '{"n":"first"}')
    await run('invoke', 'echo', '-d', '{"n":"last"}')
    await eventually('both lines', async () => {
      const { code, stdout } = await run('logs', 'echo')
      return code === 0 && /seen first[^]*seen last/.test(stdout)
    })
    expect((await run('logs', 'echo', '--tail', '0')).stdout).toBe('')
    expect((await run('logs', 'nobody')).code).toBe(3)
  })

  test('-f goes on until it is interrupted', async () => {
    const follower = workspace.start(['logs', 'echo', '-f', '--tail', '0'])
    await eventually('followed line', async () => {
      await run('invoke', 'echo', '-d', '{"n":"followed"}')
      return follower.stdout().includes('seen followed')
    })
    follower.child.kill('SIGINT')
    expect((await follower.ended).code).toBe(130)
  })

  test('-f says when the function is deleted, and goes on with the next of its name', async () => {
    workspace.write('brief.yaml', fn('brief', inline('export const handler = (event) => console.log("seen", event.n)')))
    await run('apply', '-f', 'brief.yaml')
    const follower = workspace.start(['logs', 'brief', '-f', '--tail', '0'])
    const follows = (n: string) =>
      eventually(`a line of ${n}`, async () => {
        await run('invoke', 'brief', '-d', JSON.stringify({ n }))
        return follower.stdout().includes(`seen ${n}`)
      })
    await follows('before')
    await run('delete', 'fn', 'brief')
    await eventually('told', () => follower.stderr().includes('Function default/brief was deleted'))
    await run('apply', '-f', 'brief.yaml')
    await follows('after')
    await run('delete', 'fn', 'brief')
    follower.child.kill('SIGINT')
    expect((await follower.ended).code).toBe(130)
  })
})

test('describe shows conditions, pods and events, and code only by its size', async () => {
  const { code, stdout } = await run('describe', 'fn', 'echo')
  expect(code).toBe(0)
  expect(stdout).toMatch(/Ready +True +\w+/)
  expect(stdout).toMatch(/index\.mjs: \d+ bytes/)
  expect(stdout).toMatch(/Events:\n +AGE/)
  expect((await run('describe', 'fn')).code).toBe(2)
})

test('delete removes by name and by file, and exits 3 for what is not there', async () => {
  workspace.write(
    'two.yaml',
    `${fn('d1', inline('export const handler = () => 1'))}---\n${fn('d2', inline('export const handler = () => 1'))}`,
  )
  await run('apply', '-f', 'two.yaml', '--no-wait')
  expect(await run('delete', 'fn', 'd1')).toMatchObject({ code: 0, stdout: 'function/d1 deleted\n' })
  expect(await run('delete', '-f', 'two.yaml', '--ignore-not-found')).toMatchObject({
    code: 0,
    stdout: 'function/d2 deleted\n',
  })
  expect(await run('delete', 'fn', 'd1')).toMatchObject({
    code: 3,
    stderr: expect.stringContaining('Function default/d1 does not exist'),
  })
})

test('delete -f takes nothing out of another namespace than --namespace says', async () => {
  const manifest = fn('placed', inline('export const handler = () => 1')).replace(
    'name: placed',
    'name: placed\n  namespace: prod',
  )
  workspace.write('placed.yaml', manifest)
  expect(await run('apply', '-f', 'placed.yaml', '--no-wait')).toMatchObject({ code: 0 })
  expect(await run('delete', '-n', 'staging', '-f', 'placed.yaml')).toMatchObject({
    code: 4,
    stderr: expect.stringContaining('metadata.namespace: expected staging, as --namespace says, got prod'),
  })
  expect(await run('delete', '-f', 'placed.yaml')).toMatchObject({ code: 0, stdout: 'function/placed deleted\n' })
})

test('a state directory on which no instance runs is none, whoever listens elsewhere', async () => {
  const { code, stderr } = await workspace.run('get', 'fn', '--state-dir', 'nobody')
  expect({ code, stderr }).toMatchObject({ code: 5, stderr: expect.stringContaining('no instance runs on nobody') })
})

test.each([['status'], ['doctor'], ['doctor --json']])(
  '%s of a cluster that does not answer exits 5',
  async (words) => {
    const cluster = 'clusters: [{ name: away, cluster: { server: "https://127.0.0.1:1" } }]'
    const contexts = 'contexts: [{ name: away, context: { cluster: away, user: me } }]\ncurrent-context: away'
    workspace.write(
      'away.yaml',
      `apiVersion: v1\nkind: Config\n${cluster}\n${contexts}\nusers: [{ name: me, user: {} }]\n`,
    )
    const { code, stdout, stderr } = await workspace.run(...words.split(' '), '--kubeconfig', 'away.yaml')
    expect({ code, stdout, stderr }).toMatchObject({ code: 5, stdout: '', stderr: expect.stringContaining('away') })
  },
)

test('render packs code in, so that the result needs no files', async () => {
  workspace.write('packed/src/index.mjs', 'export const handler = () => 1\n')
  workspace.write('packed/src/lib/a.mjs', 'export const a = 1\n')
  workspace.write('packed/src/node_modules/x/index.js', '')
  workspace.write('packed/src/.secret', '')
  workspace.write('packed/fn.yaml', fn('packed', '  code:\n    path: ./src\n'))
  const { code, stdout } = await run('render', '-f', 'packed')
  expect(code).toBe(0)
  const [document] = parseAllDocuments(stdout)
  expect(Object.keys((document!.toJS() as { spec: { code: { inline: object } } }).spec.code.inline)).toEqual([
    'index.mjs',
    'lib/a.mjs',
  ])
})

describe('mistakes on the command line', () => {
  test.each([
    [['frobnicate']],
    [['get']],
    [['apply']],
    [['get', 'fn', '-o', 'xml']],
    [['dev', '--port', '99999']],
    [['apply', '-f', 'app.yaml', '--timeout', '3000000']],
  ])('%j exits 2 and points to the help', async (args) => {
    const { code, stderr } = await run(...args)
    expect(code).toBe(2)
    expect(stderr).toMatch(/^error: /)
  })

  test('--help and --version exit 0', async () => {
    const help = await run('--help')
    expect([help.code, help.stdout.includes('Exit codes:')]).toEqual([0, true])
    expect((await run('apply', '--help')).stdout).toContain('Examples:')
    expect(await run('version')).toMatchObject({ code: 0, stdout: expect.stringMatching(/^dormouse \d+\.\d+\.\d+ /) })
  })

  test('an unreachable server exits 5 with what to do; --debug adds the stack', async () => {
    const { code, stderr } = await run('get', 'fn', '--server', 'http://127.0.0.1:9')
    expect(code).toBe(5)
    expect(stderr).toMatch(
      /^dormouse: no running Dormouse answers at http:\/\/127\.0\.0\.1:9: start one with `dormouse dev`[^\n]*\n$/,
    )
    expect((await run('--debug', 'get', 'fn', '--server', 'http://127.0.0.1:9')).stderr).toContain('caused by')
  })
})
