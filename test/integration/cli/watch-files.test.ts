import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { watchFiles, type FileWatch } from '../../../cli/dev/watch-files.ts'
import { eventually } from '../../builders/eventually.ts'

let folder: string
let watch: FileWatch | undefined
let changes = 0

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'dormouse-watch-')))
})
afterEach(async () => {
  await watch?.stop()
  rmSync(folder, { recursive: true })
})

function write(name: string): void {
  mkdirSync(dirname(join(folder, name)), { recursive: true })
  writeFileSync(join(folder, name), String(performance.now()))
}

/** `roots` are watched at once; `code` is added, as what manifests refer to is. */
async function watched(roots: readonly string[], code: readonly string[] = []): Promise<void> {
  const absolute = (names: readonly string[]) => names.map((name) => join(folder, name))
  watch = await watchFiles({ paths: absolute(roots), changed: async () => void (changes += 1), blind: () => undefined })
  watch.add(absolute(code))
  await quiet()
}

/** Saves it again and again: chokidar tells nothing of when it has begun to watch what was added. */
const told = (file: string): Promise<unknown> =>
  eventually(
    () => `a change of ${file}`,
    () => {
      write(file)
      return changes > 0
    },
    { everyMs: 100 },
  )

/** Of what was saved once. */
const heard = (): Promise<unknown> => eventually('a change', () => changes > 0)

/** Nothing that is told late is taken for what comes. */
async function quiet(): Promise<void> {
  for (let before = -1; before !== changes; await delay(300)) before = changes
  changes = 0
}

interface Row {
  where: string
  roots: string[]
  code: string[]
  file: string
}
const rows: Row[] = [
  {
    where: 'below a root that itself lies below a dot-folder',
    roots: ['.work/app'],
    code: [],
    file: '.work/app/src/index.mjs',
  },
  {
    where: 'of code in a dot-folder of a root',
    roots: ['app'],
    code: ['app/.work/src'],
    file: 'app/.work/src/lib/index.mjs',
  },
  {
    where: 'of code that is one file in a dot-folder',
    roots: ['app'],
    code: ['app/.work/index.mjs'],
    file: 'app/.work/index.mjs',
  },
  {
    where: 'of code in a package of a root',
    roots: ['app'],
    code: ['app/node_modules/fn'],
    file: 'app/node_modules/fn/index.mjs',
  },
  {
    where: 'of code below a dot-folder beside the root',
    roots: ['app/manifests'],
    code: ['.work/src'],
    file: '.work/src/index.mjs',
  },
]
test.each(rows)('a change $where is told', async ({ roots, code, file }) => {
  write(file)
  write('app/manifests/fn.yaml')
  await watched(roots, code)
  await told(file)
})

test('a change of code behind a link into a dot-folder is told', async () => {
  write('.work/src/index.mjs')
  write('app/fn.yaml')
  symlinkSync(join(folder, '.work/src'), join(folder, 'app/src'))
  await watched(['app'], ['app/src'])
  await told('.work/src/index.mjs')
})

test.each([
  ['a dot-folder of a root', [], 'app/.git/index'],
  ['a dot-folder of a root, beside code in another', ['app/.work/src'], 'app/.git/index'],
  ['a dot-folder around code', ['app/.work/src'], 'app/.work/notes.txt'],
  ['a dot-folder of code in a dot-folder', ['app/.work/src'], 'app/.work/src/.cache/x'],
  ['the packages of code', ['app/src'], 'app/src/node_modules/x/index.js'],
])('a change in %s is not told', async (_where, code, file) => {
  write(file)
  code.forEach((path) => write(`${path}/index.mjs`))
  write('app/fn.yaml')
  await watched(['app'], code)
  for (const seen of ['app/fn.yaml', ...code.map((path) => `${path}/index.mjs`)]) {
    await told(seen)
    await quiet()
  }
  write(file)
  await delay(300)
  expect(changes).toBe(0)
})

test.each([
  ['at once', 0],
  ['after it was empty for a moment', 400],
])('a change in a folder that stands where a file was, made %s, is told', async (_when, emptyMs) => {
  write('app/part')
  await watched(['app'])
  rmSync(join(folder, 'app/part'))
  mkdirSync(join(folder, 'app/part'))
  await delay(emptyMs)
  write('app/part/index.mjs')
  await heard()
  await quiet()
  write('app/part/index.mjs')
  await heard()
  await quiet()
  write('app/part/other.mjs')
  await heard()
})
