import { afterEach, beforeEach, describe, expect, test, jest } from '@jest/globals'
import { createWorkspace, type RunningCommand } from '../../builders/dormouse-command.ts'
import { eventually } from '../../builders/eventually.ts'

// Each test starts several processes.
jest.setTimeout(180_000)

const MANIFEST = `apiVersion: dormouse.dev/v1alpha1
kind: Function
metadata:
  name: hello
spec:
  runtime: node
  code:
    path: ./src
`
const returning = (text: string) => `export const handler = async () => '${text}'\n`

let workspace: ReturnType<typeof createWorkspace>
let dev: RunningCommand
let url: string

beforeEach(async () => {
  workspace = createWorkspace({ 'app/fn.yaml': MANIFEST, 'app/src/index.mjs': returning('one') })
  dev = await workspace.dev('app', '--watch')
  url = (await dev.says(/(http:\S+\/fn\/default\/hello)/))[1]!
})
afterEach(() => workspace.end())

const answer = async () => (await fetch(url, { method: 'POST', body: '{}' })).text()

test('saved code answers, again and again', async () => {
  expect(await answer()).toBe('"one"')
  for (const text of ['two', 'three', 'four']) {
    workspace.write('app/src/index.mjs', returning(text))
    await eventually(text, async () => (await answer()) === `"${text}"`)
    await dev.says(/✓ hello {2}revision \w+ serving after \d+ ms/)
  }
})

describe('a mistake', () => {
  test('in code is told with file and line, and the old code goes on', async () => {
    workspace.write('app/src/index.mjs', 'export const handler = async () => {\n  return (\n}\n')
    await dev.says(/✗ hello {2}app\/src\/index\.mjs:3:\d+ .*SyntaxError.* — revision \w+ goes on/)
    expect(await answer()).toBe('"one"')
    workspace.write('app/src/index.mjs', returning('mended'))
    await eventually('mended', async () => (await answer()) === '"mended"')
  })

  test('in a manifest is told with file and line, and the old one goes on', async () => {
    workspace.write('app/fn.yaml', `${MANIFEST}  timeout: 2h\n`)
    await dev.says(/✗ app\/fn\.yaml:9:3: spec\.timeout: Invalid value: "2h": timeout must be between 1s and 15m/)
    expect(await answer()).toBe('"one"')
  })

  test('in the syntax of a manifest does not delete what it described', async () => {
    workspace.write('app/fn.yaml', MANIFEST.replace('name: hello', 'name: [hello'))
    await dev.says(/✗ app\/fn\.yaml:\d+:\d+: /)
    expect(await answer()).toBe('"one"')
  })
})

test('a manifest that is removed deletes its objects, a new one is applied', async () => {
  workspace.write('app/more.yaml', MANIFEST.replace('name: hello', 'name: more'))
  await dev.says(/✓ more {2}revision/)
  workspace.remove('app/fn.yaml')
  await dev.says(/✓ function\/hello deleted/)
  await eventually('404', async () => (await fetch(url, { method: 'POST', body: '{}' })).status === 404)
})

test('what a function prints appears with its name', async () => {
  workspace.write('app/src/index.mjs', `export const handler = async () => console.log('it speaks')\n`)
  await eventually('new code', async () => (await answer()) === 'null')
  await dev.says(/^hello \| it speaks$/m)
  expect(dev.stdout()).not.toContain('START RequestId')
})
