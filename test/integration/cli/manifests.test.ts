import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { loadManifests } from '../../../cli/manifests/load-manifests.ts'

let cwd: string
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'dormouse-manifests-'))
})
afterEach(() => rmSync(cwd, { recursive: true }))

function write(name: string, content: string | Buffer): void {
  mkdirSync(dirname(join(cwd, name)), { recursive: true })
  writeFileSync(join(cwd, name), content)
}
const load = (...sources: string[]) => loadManifests({ sources, cwd, readStdin: async () => Buffer.alloc(0) })
const head = (name: string) =>
  `apiVersion: dormouse.dev/v1alpha1\nkind: Function\nmetadata: { name: ${name} }\nspec:\n  runtime: node\n`
const withPath = (path: string) => `${head('f')}  code:\n    path: ${path}\n`
const filesOf = ({ manifests }: Awaited<ReturnType<typeof load>>) =>
  (manifests[0]!.manifest.spec as { code: { inline: Record<string, string> } }).code.inline

describe('code.path', () => {
  test('of a file packs that file under its own name', async () => {
    write('fn.yaml', withPath('./src/index.mjs'))
    write('src/index.mjs', 'code')
    expect(filesOf(await load('fn.yaml'))).toEqual({ 'index.mjs': 'code' })
  })

  test('of a folder packs everything but dotfiles, node_modules and manifests', async () => {
    write('fn.yaml', withPath('.'))
    write('trigger.yaml', 'apiVersion: dormouse.dev/v1alpha1\nkind: Trigger\n')
    for (const name of ['index.mjs', 'lib/a/b.js', 'data.json', 'node_modules/x/i.js', '.git/config', 'lib/.hidden'])
      write(name, name)
    expect(Object.keys(filesOf(await load('fn.yaml')))).toEqual(['data.json', 'index.mjs', 'lib/a/b.js'])
  })

  test('does not run in circles through links', async () => {
    write('fn.yaml', withPath('src'))
    write('src/index.mjs', '1')
    symlinkSync(join(cwd, 'src'), join(cwd, 'src/again'))
    expect(Object.keys(filesOf(await load('fn.yaml')))).toEqual(['index.mjs'])
  })

  test('without what editors leave beside it', async () => {
    write('fn.yaml', withPath('src'))
    for (const name of ['index.mjs', 'index.mjs~', '#index.mjs#', '.index.mjs.swp']) write(`src/${name}`, '1')
    expect(Object.keys(filesOf(await load('fn.yaml')))).toEqual(['index.mjs'])
  })

  interface Row {
    rule: string
    path: string
    prepare: () => void
    message: string
  }
  const nothing = () => undefined
  const binary = () => write('src/a.png', Buffer.from([0x89, 0xff, 0]))
  const large = () => write('src/a.js', 'x'.repeat(256 * 1024 + 1))
  const empty = () => void mkdirSync(join(cwd, 'src'))
  const rows: Row[] = [
    { rule: 'that does not exist', path: 'gone', prepare: nothing, message: 'code path gone does not exist' },
    {
      rule: 'of a binary file',
      path: 'src',
      prepare: binary,
      message: 'a.png is not UTF-8 text; only text files can be packed as code, others go into spec.code.archive',
    },
    {
      rule: 'with a file of a name that no manifest can have',
      path: 'src',
      prepare: () => write('src/a\nb.mjs', '1'),
      message:
        'the path "a\\nb.mjs" cannot be that of a file of code: expected at most 255 characters without backslashes and line breaks',
    },
    {
      rule: 'that is too large',
      path: 'src',
      prepare: large,
      message:
        'larger than 256 KiB (reached at a.js); bundle it, leave out what it does not need, or use spec.code.archive',
    },
    { rule: 'of an empty folder', path: 'src', prepare: empty, message: 'code path src holds no files' },
  ]
  test.each(rows)('$rule is a mistake with its line', async ({ path, prepare, message }) => {
    prepare()
    write('fn.yaml', withPath(path))
    const { manifests, mistakes } = await load('fn.yaml')
    expect(manifests).toEqual([])
    expect(mistakes).toEqual([{ file: 'fn.yaml', line: 7, column: 5, message: expect.stringContaining(message) }])
  })

  test('beside inline is a mistake', async () => {
    write('fn.yaml', `${withPath('.')}    inline: { a.js: "1" }\n`)
    expect((await load('fn.yaml')).mistakes[0]?.message).toBe(
      'spec.code: exactly one of path, inline, configMap, archive must be set',
    )
  })
})

describe('a folder', () => {
  test('gives manifests of ours at any depth, and passes over what is not', async () => {
    write('app/a/fn.yml', `${head('a')}  code: { inline: { index.mjs: "1" } }\n`)
    write(
      'app/b/fn.json',
      JSON.stringify({
        apiVersion: 'dormouse.dev/v1alpha1',
        kind: 'Function',
        metadata: { name: 'b' },
        spec: { runtime: 'node', code: { inline: { 'index.mjs': '1' } } },
      }),
    )
    write('app/package.json', '{ not json')
    write('app/compose.yaml', 'services: [')
    write('app/deployment.yaml', 'apiVersion: apps/v1\nkind: Deployment\n')
    write('app/node_modules/x/fn.yaml', head('no'))
    const { manifests, mistakes } = await load('app')
    expect(mistakes).toEqual([])
    expect(manifests.map(({ file, manifest }) => [file, manifest.metadata.name])).toEqual([
      ['app/a/fn.yml', 'a'],
      ['app/b/fn.json', 'b'],
    ])
  })

  test.each([
    [
      'no version',
      'apiVersion: dormouse.dev\nkind: Function\n',
      'no matches for kind "Function" in version "dormouse.dev"',
    ],
    ['another letter', 'apiversion: dormouse.dev/v1alpha1\nkind: Function\n', "Object 'apiVersion' is missing"],
  ])('with a manifest whose apiVersion has %s does not pass it over', async (_, text, message) => {
    write('app/fn.yaml', text)
    expect((await load('app')).mistakes.map((mistake) => mistake.message)).toEqual([expect.stringContaining(message)])
  })

  test('with one object described twice is a mistake that names the other file', async () => {
    for (const file of ['app/1.yaml', 'app/2.yaml']) write(file, `${head('a')}  code: { inline: { index.mjs: "1" } }\n`)
    expect((await load('app')).mistakes).toEqual([
      { file: 'app/2.yaml', line: 3, column: 13, message: 'Function a is already described in app/1.yaml' },
    ])
  })
})

test('a file named by the user must hold manifests of ours', async () => {
  write('d.yaml', 'apiVersion: apps/v1\nkind: Deployment\n')
  expect((await load('d.yaml')).mistakes[0]?.message).toContain('no matches for kind "Deployment" in version "apps/v1"')
})

test('what others refer to comes first, whatever the order of the files', async () => {
  write(
    '1.yaml',
    'apiVersion: dormouse.dev/v1alpha1\nkind: Trigger\nmetadata: { name: t }\nspec: { function: a, http: {} }\n',
  )
  write('2.yaml', `${head('a')}  code: { inline: { index.mjs: "1" } }\n`)
  expect((await load('1.yaml', '2.yaml')).manifests.map(({ manifest }) => manifest.kind)).toEqual([
    'Function',
    'Trigger',
  ])
})

test('bytes that are not UTF-8 are a mistake with their place; a replacement character somebody wrote is none', async () => {
  write('fn.yaml', Buffer.from(`${head('latin')}# gr\xfc\xdfe\n`, 'latin1'))
  expect((await load('fn.yaml')).mistakes).toEqual([
    { file: 'fn.yaml', line: 6, column: 5, message: 'expected text in UTF-8' },
  ])
  write('mixed.yaml', Buffer.concat([Buffer.from(`# \ufffd\n${head('mixed')}# `), Buffer.from([0xfc])]))
  expect((await load('mixed.yaml')).mistakes).toMatchObject([{ line: 7, column: 3 }])
  write('ok.yaml', `${head('ok')}  code: { inline: { index.mjs: "// \ufffd" } }\n`)
  expect((await load('ok.yaml')).mistakes).toEqual([])
})

test('a pipe in a folder is nobody’s manifest: to open it would wait for a writer', async () => {
  execFileSync('mkfifo', [join(cwd, 'pipe.yaml')])
  write('fn.yaml', `${head('plain')}  code: { inline: { index.mjs: '1' } }\n`)
  expect(await load('.')).toMatchObject({ mistakes: [], manifests: [{ file: 'fn.yaml' }] })
})

test.each(['utf-16le', 'utf-16be'] as const)(
  'a manifest in %s with its mark is read, as Windows shells write it',
  async (encoding) => {
    const little = Buffer.from(`\ufeff${head('wide')}  code: { inline: { index.mjs: "// ü" } }\n`, 'utf16le')
    write('wide.yaml', encoding === 'utf-16le' ? little : Buffer.from(little).swap16())
    const { manifests, mistakes } = await load('.')
    expect(mistakes).toEqual([])
    expect(manifests).toMatchObject([{ manifest: { spec: { code: { inline: { 'index.mjs': '// ü' } } } } }])
  },
)

test('bytes from standard input that are not UTF-8 are a mistake with their place', async () => {
  const readStdin = async () => Buffer.from(`${head('latin')}# gr\xfc\xdfe\n`, 'latin1')
  const { manifests, mistakes } = await loadManifests({ sources: ['-'], cwd, readStdin })
  expect(manifests).toEqual([])
  expect(mistakes).toEqual([{ file: 'stdin', line: 6, column: 5, message: 'expected text in UTF-8' }])
})
