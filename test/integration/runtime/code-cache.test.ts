/** The bundle comes with V8's cache of it; without it, or with one that does not fit, a pod starts all the same. */
import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, expect, test } from '@jest/globals'
import { buildRuntime, RUNTIME_EXEC_ARGV } from '../../../runtime-image/node/build-runtime.ts'
import { endRuntimes, RuntimeProcess } from '../../builders/runtime-process.ts'

const directories: string[] = []
afterEach(async () => {
  await endRuntimes()
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true })
})

/** A copy of what pods run, and the directory of bundle and cache in it. */
async function copy(): Promise<{ main: string; inner: string }> {
  const directory = mkdtempSync(join(tmpdir(), 'runtime-node-'))
  directories.push(directory)
  const main = await buildRuntime()
  const inner = /(\w+)\/boot/.exec(readFileSync(main, 'utf8'))?.[1] ?? ''
  cpSync(main, join(directory, 'main.cjs'))
  cpSync(join(dirname(main), inner), join(directory, inner), { recursive: true })
  return { main: join(directory, 'main.cjs'), inner: join(directory, inner) }
}

test('V8 takes the cache of the build in a process started as pods are', async () => {
  const { inner } = await copy()
  const script = `
    const { readFileSync } = require('node:fs'), { Script } = require('node:vm')
    const source = '(function (require, __filename, __dirname) {' + readFileSync('runtime.cjs', 'latin1') + '\\n})'
    process.stdout.write(String(new Script(source, { cachedData: readFileSync('runtime.cache') }).cachedDataRejected))`
  const rejected = execFileSync(process.execPath, [...RUNTIME_EXEC_ARGV, '-e', script], { cwd: inner })
  expect(rejected.toString()).toBe('false')
  expect(readdirSync(inner).sort()).toEqual(['boot.cjs', 'runtime.cache', 'runtime.cjs', 'watchdog.cjs'])
})

test.each([
  ['is missing', (file: string) => rmSync(file)],
  ['is of something else', (file: string) => writeFileSync(file, 'no cache at all')],
])('a pod whose cache %s serves', async (_what, damage) => {
  const { main, inner } = await copy()
  damage(join(inner, 'runtime.cache'))
  const runtime = await RuntimeProcess.with({ files: { 'index.mjs': 'export const handler = () => 1' } }, { main })
  expect((await runtime.invoke({})).text).toBe('1')
  expect(runtime.stderr).toBe('')
})
