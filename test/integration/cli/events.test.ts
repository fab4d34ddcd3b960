import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { parse } from 'yaml'
import { createWorkspace, functionYaml } from '../../builders/dormouse-command.ts'
import { eventually } from '../../builders/eventually.ts'

// Each test starts several processes.
jest.setTimeout(180_000)

const HANDLER = `export const handler = async (event) => {
  const { bad } = event?.data ?? event ?? {}
  if (bad) throw new TypeError('not today')
  return event
}`
const APP = [
  functionYaml('worker', HANDLER, '  async:\n    maxAttempts: 1\n'),
  functionYaml('unused', HANDLER),
  functionYaml('patient', HANDLER, '  async:\n    maxAttempts: 2\n    backoff:\n      initial: 6s\n'),
  `apiVersion: dormouse.dev/v1alpha1
kind: Trigger
metadata:
  name: orders
spec:
  function: worker
  kafka:
    topics: [orders]
    startFrom: earliest
  retry:
    maxAttempts: 2
    backoff:
      initial: 10ms
`,
].join('---\n')

let workspace: ReturnType<typeof createWorkspace>
const run = (...args: string[]) => workspace.run(...args)
const letters = async (...args: string[]) =>
  (JSON.parse((await run('dlq', 'list', '-o', 'json', ...args)).stdout) as { items: { id: string; key: unknown }[] })
    .items

beforeAll(async () => {
  workspace = createWorkspace({ 'app.yaml': APP })
  await workspace.dev('.')
})
afterAll(() => workspace.end())

describe('publish', () => {
  test('says where the record is; tail shows it with key, value and headers', async () => {
    const first = await run('publish', 'seen', '--key', 'ada', '-d', '{"n":1}', '--header', 'ce-type: ordér made')
    expect(first).toMatchObject({ code: 0, stdout: expect.stringMatching(/^seen\/\d+@0\n$/), stderr: '' })
    expect((await run('publish', 'seen', '--key', 'ada', '--tombstone')).stdout).toMatch(/^seen\/\d+@1\n$/)
    const { stdout } = await run('events', 'tail', 'seen')
    expect(stdout).toMatch(
      /^seen\/\d+@0 {2}\S+ {2}key=ada {2}\{"n":1\}\nseen\/\d+@1 {2}\S+ {2}key=ada {2}\(tombstone\)\n$/,
    )
    const json = await run('events', 'tail', 'seen', '-o', 'json', '--max', '1')
    expect(JSON.parse(json.stdout)).toMatchObject({
      key: { text: 'ada' },
      headers: [{ name: 'ce_type', value: 'ordér made' }],
    })
  })

  test('takes a file, standard input, and one record per line', async () => {
    workspace.write('lines.txt', 'a\n\nb\r\n')
    const lines = await run('publish', 'lines', '--lines', '--partition', '0', '-d', '@lines.txt')
    expect(lines.stdout).toBe('lines/0@0\nlines/0@1\n')
    const piped = await workspace.start(['publish', 'lines', '--partition', '0'], { stdin: 'from stdin' }).ended
    expect(piped.stdout).toBe('lines/0@2\n')
    const { stdout } = await run('events', 'tail', 'lines')
    expect(stdout.split('\n').map((line) => line.split('  ').at(-1))).toEqual(['a', 'b', 'from stdin', ''])
  })

  test('sends bytes that are no text as they are; of lines it names the one that is no text, and sends none', async () => {
    const bytes = Buffer.from('a\nb\xff\n', 'latin1')
    await workspace.start(['publish', 'bytes', '-d', '-'], { stdin: bytes }).ended
    const lines = await workspace.start(['publish', 'bytes', '--lines'], { stdin: bytes }).ended
    expect(lines).toEqual({
      code: 2,
      stdout: '',
      stderr: 'dormouse: --data: expected text in UTF-8, and stdin is none at 2:2\n',
    })
    const { stdout } = await run('events', 'tail', 'bytes', '-o', 'json')
    expect(JSON.parse(stdout)).toMatchObject({ value: { base64: bytes.toString('base64') } })
  })

  test.each([
    [
      'a header that records do not take',
      ['t', '--header', 'x-a: b', '-d', ''],
      { code: 2, message: /records take content-type.*got x-a/ },
    ],
    ['a header that is none', ['t', '--header', 'nothing', '-d', ''], { code: 2, message: /expected 'name: value'/ }],
    ['a tombstone with data', ['t', '--tombstone', '-d', 'x'], { code: 2, message: /leave out --data/ }],
    ['a missing file', ['t', '-d', '@missing'], { code: 2, message: /missing cannot be read/ }],
    ['a topic that cannot be', ['bad topic', '-d', 'x'], { code: 2, message: /expected a topic name/ }],
    [
      'a partition that is not there',
      ['lines', '--partition', '99', '-d', 'x'],
      { code: 2, message: /has partitions 0 to/ },
    ],
    ['a topic of the platform', ['dormouse.x', '-d', 'x'], { code: 1, message: /belong to the platform/ }],
  ])('refuses %s', async (_what, args, { code, message }) => {
    const ran = await run('publish', ...args)
    expect(ran).toMatchObject({ code, stdout: '', stderr: expect.stringMatching(message) })
    expect(ran.stderr).toMatch(/^dormouse: [^\n]+\n$/)
  })
})

describe('events tail', () => {
  test('-f prints what comes until it has enough, or is interrupted', async () => {
    await run('publish', 'followed', '-d', 'old')
    const two = workspace.start(['events', 'tail', 'followed', '-f', '--max', '2'])
    await two.says(/old/)
    const endless = workspace.start(['events', 'tail', 'followed', '-f', '--from', 'latest'])
    await eventually('followed record', async () => {
      await run('publish', 'followed', '-d', 'new')
      return endless.stdout().includes('new')
    })
    expect(await two.ended).toMatchObject({ code: 0, stdout: expect.stringMatching(/old\n.*new\n$/) })
    endless.child.kill('SIGINT')
    expect(await endless.ended).toMatchObject({ code: 130, stdout: expect.not.stringContaining('old') })
  })

  test('of an unknown topic exits 3, of the latest without -f 2', async () => {
    expect(await run('events', 'tail', 'nobody')).toMatchObject({
      code: 3,
      stderr: 'dormouse: there is no topic nobody\n',
    })
    expect((await run('events', 'tail', 'seen', '--from', 'latest')).code).toBe(2)
  })
})

describe('invoke --async', () => {
  test('prints the id; invocation get shows how it stands', async () => {
    const { code, stdout } = await run('invoke', 'worker', '--async', '-d', '{"a":1}')
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^[0-9a-f-]{36}\n$/)])
    const id = stdout.trim()
    const shown = await eventually('its end', async () => {
      const { stdout: text } = await run('invocation', 'get', id)
      return text.includes('succeeded') ? text : undefined
    })
    expect(shown).toMatch(/^Result: +\{"a":1\}$/m)
    const json = JSON.parse((await run('invocation', 'get', id, '-o', 'json')).stdout)
    expect(json).toMatchObject({ id, function: 'default/worker', attempts: 1 })
    expect(parse((await run('invocation', 'get', id, '-o', 'yaml')).stdout)).toEqual(json)
  })

  test('--wait prints the result, and exits 6 when it failed', async () => {
    expect(await run('invoke', 'worker', '--async', '--wait', '-d', '{"b":2}')).toMatchObject({
      ...{ code: 0, stdout: '{"b":2}\n' },
    })
    expect(await run('invoke', 'worker', '--async', '--wait', '-d', '{"bad":true}')).toMatchObject({
      code: 6,
      stderr: expect.stringMatching(/^dormouse: the function failed \(handled: .*not today.*\)\n$/m),
    })
  })

  test('--wait says on stderr what it waits for', async () => {
    const waiting = workspace.start(['invoke', 'patient', '--async', '--wait', '-d', '{"bad":true}'])
    await waiting.says(/default\/patient: failed \(handled: TypeError: not today\), tried again at \S+Z/)
    expect((await waiting.ended).code).toBe(6)
  })

  test('shows in the description of the function, once there was one', async () => {
    expect((await run('describe', 'fn', 'unused')).stdout).not.toContain('Asynchronous invocations')
    expect((await run('describe', 'fn', 'worker')).stdout).toMatch(/^Asynchronous invocations\nConsumption:\n/m)
  })

  test('refuses what cannot be', async () => {
    expect((await run('invoke', 'nobody', '--async')).code).toBe(3)
    expect((await run('invoke', 'worker', '--wait')).code).toBe(2)
    expect((await run('invoke', 'worker', '--async', '--tail')).code).toBe(2)
    expect((await run('invoke', 'worker', '--async', '-d', '{bad')).code).toBe(2)
    expect(await run('invocation', 'get', 'nope')).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('there is no invocation nope'),
    })
  })
})

describe('of a trigger whose function fails', () => {
  const ofOrders = ['--trigger', 'orders']

  beforeAll(async () => {
    for (const key of ['ada', 'bob']) await run('publish', 'orders', '--key', key, '-d', '{"bad":true}')
    await run('publish', 'orders', '-d', '{"n":1}')
    await eventually('dead letters', async () => (await letters(...ofOrders)).length === 2)
    await eventually('the good one', async () => {
      const { stdout } = await run('trigger', 'describe', 'orders', '-o', 'json')
      return (JSON.parse(stdout) as { done: number }).done === 1
    })
  })

  test('trigger describe tells what happened, describe trigger the same at its end', async () => {
    const { code, stdout } = await run('trigger', 'describe', 'orders')
    expect(code).toBe(0)
    expect(stdout).toMatch(/^Function: +default\/worker$/m)
    expect(stdout).toMatch(/Attempts: +1 done, 4 failed \(handled 4\)/)
    expect(stdout).toMatch(/Dead letters: +2 \(handled 2\)/)
    expect(stdout).toMatch(/\d+[sm]\w* +handled +2 +\S+ +TypeError: not today/)
    expect(stdout).toMatch(/^ {2}orders +0 /m)
    expect((await run('describe', 'trigger', 'orders')).stdout).toMatch(
      /^Conditions:[^]*^Consumption:[^]*^Partitions:/m,
    )
    const json = JSON.parse((await run('trigger', 'describe', 'orders', '-o', 'json')).stdout)
    expect(json).toMatchObject({ key: 'default/orders', deadLetters: { handled: 2 } })
    expect((await run('trigger', 'describe', 'nobody')).code).toBe(3)
    expect((await run('trigger', 'describe', 'orders', '-n', 'other')).code).toBe(3)
  })

  test('dlq list has a table that filters narrow', async () => {
    const { stdout } = await run('dlq', 'list', ...ofOrders)
    expect(stdout).toMatch(/^ID +AGE +CLASS +ATTEMPTS +KEY +MESSAGE$/m)
    expect(stdout).toMatch(/^\d+-0 +\d+[sm]\w* +handled +2 +ada +TypeError: not today$/m)
    const ids = (await letters(...ofOrders)).map(({ id }) => id)
    expect(await letters(...ofOrders, '--key', 'bob', '--class', 'handled', '--since', '10m')).toHaveLength(1)
    expect(await letters(...ofOrders, '--until', '10m')).toEqual([])
    expect(await letters(...ofOrders, '--origin', 'elsewhere')).toEqual([])
    const place = /^Origin: +(\S+) of/m.exec((await run('dlq', 'show', ...ofOrders, '--id', ids[0]!)).stdout)?.[1]
    expect((await letters(...ofOrders, '--origin', place!)).map(({ id }) => id)).toEqual([ids[0]])
    expect(await run('dlq', 'list', ...ofOrders, '--limit', '1')).toMatchObject({
      stderr: 'There are more than 1; see --limit.\n',
    })
  })

  test('dlq show prints one in full', async () => {
    const [letter] = await letters(...ofOrders, '--key', 'ada')
    const id = letter?.id ?? ''
    expect((await run('dlq', 'show', id, ...ofOrders)).stdout).toMatch(/^Value:\n {2}\{"bad":true\}$/m)
    expect(JSON.parse((await run('dlq', 'show', '--id', id, ...ofOrders, '-o', 'json')).stdout)).toEqual(letter)
    expect((await run('dlq', 'show', '99-99', ...ofOrders)).code).toBe(3)
    expect((await run('dlq', 'show', ...ofOrders)).code).toBe(2)
  })

  test('dlq redrive sends them again, purge gives them up', async () => {
    const some = [...ofOrders, '--key', 'ada']
    expect((await run('dlq', 'redrive', ...some, '--dry-run')).stdout).toBe('1 dead letter would be redriven\n')
    const [before] = await letters(...some)
    expect(await run('dlq', 'redrive', ...some, '--rate', '100')).toMatchObject({
      ...{ code: 0, stdout: '1 dead letter redriven\n' },
    })
    const after = await eventually('the next dead letter', async () => (await letters(...some))[0])
    expect(after).toMatchObject({ redriveCount: 1 })
    expect(after?.id).not.toBe(before?.id)
    expect(await run('dlq', 'purge', ...ofOrders)).toMatchObject({ code: 2, stderr: expect.stringContaining('--yes') })
    expect((await run('dlq', 'purge', ...ofOrders, '--dry-run')).stdout).toBe('2 dead letters would be purged\n')
    expect((await run('dlq', 'purge', ...ofOrders, '--yes')).stdout).toBe('2 dead letters purged\n')
    expect(await run('dlq', 'list', ...ofOrders)).toMatchObject({
      ...{ code: 0, stdout: '', stderr: 'No dead letters found.\n' },
    })
    expect((await run('dlq', 'redrive', ...ofOrders)).stdout).toBe('no dead letter fits\n')
    expect((await run('dlq', 'redrive', ...ofOrders, '--again', '--dry-run')).stdout).toBe(
      '3 dead letters would be redriven\n',
    )
  })

  test('dlq redrive that takes its time says how long', async () => {
    await run('publish', 'orders', '--key', 'slow', '-d', '{"bad":true}')
    await run('publish', 'orders', '--key', 'slow', '-d', '{"bad":true}')
    await eventually('dead letters', async () => (await letters(...ofOrders, '--key', 'slow')).length === 2)
    expect(await run('dlq', 'redrive', ...ofOrders, '--key', 'slow', '--rate', '1')).toMatchObject({
      ...{ code: 0, stdout: '2 dead letters redriven\n', stderr: 'redriving 2 dead letters, about 2 s\n' },
    })
  })
})

test('dlq --function is about its asynchronous invocations', async () => {
  await run('invoke', 'worker', '--async', '--wait', '-d', '{"bad":true}')
  await eventually('dead letter', async () => (await letters('--function', 'worker')).length > 0)
  expect((await run('dlq', 'purge', '--function', 'worker', '--yes')).code).toBe(0)
})

test.each([
  [2, ['dlq', 'list']],
  [2, ['dlq', 'list', '--trigger', 'orders', '--function', 'worker']],
  [2, ['dlq', 'list', '--trigger', 'orders', '--since', 'soon']],
  [2, ['dlq', 'list', '--trigger', 'orders', '--class', 'odd']],
  [2, ['dlq', 'redrive', '--trigger', 'orders', '--rate', '0']],
  [3, ['dlq', 'list', '--trigger', 'nobody']],
  [3, ['dlq', 'redrive', '--function', 'nobody']],
  [3, ['dlq', 'purge', '--trigger', 'orders', '--id', '99-99', '--yes']],
])('exits %d: %j', async (code, args) => {
  const ran = await run(...args)
  expect([ran.code, ran.stdout]).toEqual([code, ''])
  expect(ran.stderr).not.toBe('')
})

test.each([
  [['publish', 't', '-d', 'x']],
  [['events', 'tail', 't']],
  [['invocation', 'get', 'i']],
  [['trigger', 'describe', 't']],
  [['dlq', 'list', '--trigger', 't']],
])('%j exits 5 when nothing runs, and has help with examples', async (args) => {
  const ran = await run(...args, '--server', 'http://127.0.0.1:9')
  expect([ran.code, ran.stderr]).toEqual([5, expect.stringContaining('no running Dormouse answers')])
  expect((await run(...args, '--help')).stdout).toContain('Examples:')
})
