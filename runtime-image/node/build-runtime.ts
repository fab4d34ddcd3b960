/**
 * Bundles src/ into dist/runtime-node: `main.cjs`, which leads to the bundle, V8's cache of it and the watchdog's. CommonJS, as Node
 * starts it faster than an ES module. Others call `buildRuntime` before they start a pod process; it costs nothing when fresh.
 */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { recordCodeCache } from './record-code-cache.ts'

const HERE = dirname(fileURLToPath(import.meta.url))
const SOURCES = join(HERE, 'src')
const OUTPUT = join(HERE, '../../dist/runtime-node')
const MAIN = join(OUTPUT, 'main.cjs')

/**
 * Flags of a pod's command line: `node [RUNTIME_EXEC_ARGV] main.cjs`. A small young generation keeps the process near its live
 * memory; code written as ES modules without a package.json deserves no warning at each start.
 */
export const RUNTIME_EXEC_ARGV: readonly string[] = [
  '--max-semi-space-size=8',
  '--disable-warning=MODULE_TYPELESS_PACKAGE_JSON',
  '--disable-warning=ExperimentalWarning',
]

/** Path of the runnable file. Builds when a source is newer than it, or with `force`. */
export async function buildRuntime({ force = false }: { force?: boolean } = {}): Promise<string> {
  if (!force && isFresh()) return MAIN
  const staging = `${OUTPUT}.${process.pid}`
  mkdirSync(staging, { recursive: true })
  try {
    await bundle(staging)
    await recordCodeCache([process.execPath, ...RUNTIME_EXEC_ARGV, join(staging, 'record.cjs')])
    publish(staging)
  } finally {
    rmSync(staging, { recursive: true, force: true })
  }
  return MAIN
}

async function bundle(outdir: string): Promise<void> {
  const { build } = await import('esbuild')
  const entry = (name: string) => join(SOURCES, `${name}.ts`)
  await build({
    entryPoints: {
      boot: entry('boot'),
      record: entry('record'),
      runtime: entry('main'),
      watchdog: entry('watchdog-thread'),
    },
    outdir,
    outExtension: { '.js': '.cjs' },
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node26',
    charset: 'ascii',
    // Of its own: user code may replace the globals, as bundles made for browsers do.
    banner: { js: '"use strict"; const { Buffer, process } = globalThis;' },
    legalComments: 'none',
  })
}

/** What a pod reads, in a directory named by its content and never changed; then the one line that leads there. */
function publish(staging: string): void {
  const files = ['boot.cjs', 'runtime.cjs', 'runtime.cache', 'watchdog.cjs']
  const hash = createHash('sha256')
  for (const file of files) hash.update(readFileSync(join(staging, file)))
  const name = hash.digest('hex').slice(0, 16)
  const directory = join(OUTPUT, name)
  rmSync(join(staging, 'record.cjs'))
  writeFileSync(join(staging, 'main.cjs'), `require('./${name}/boot.cjs')\n`)
  mkdirSync(OUTPUT, { recursive: true })
  for (const file of files) mkdirAndMove(join(staging, file), join(directory, file))
  renameSync(join(staging, 'main.cjs'), MAIN)
}

function mkdirAndMove(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true })
  renameSync(from, to)
}

function isFresh(): boolean {
  if (!existsSync(MAIN)) return false
  const builtAt = statSync(MAIN).mtimeMs
  const sources = [HERE, SOURCES].flatMap((folder) => readdirSync(folder).map((file) => join(folder, file)))
  // The folder too: its time tells of files that went.
  return [SOURCES, ...sources].every((path) => statSync(path).mtimeMs < builtAt)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.stdout.write(`${await buildRuntime({ force: process.argv.includes('--force') })}\n`)
}
