/**
 * Bundles src/ into dist/runtime-node: `main.cjs` and the watchdog's `watchdog.cjs` beside it. CommonJS, as Node
 * starts it faster than an ES module. Others call `buildRuntime` before they start a pod process; it costs nothing when fresh.
 */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

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
  const { build } = await import('esbuild')
  const staging = `${OUTPUT}.${process.pid}`
  mkdirSync(staging, { recursive: true })
  try {
    await build({
      entryPoints: { main: join(SOURCES, 'main.ts'), watchdog: join(SOURCES, 'watchdog-thread.ts') },
      outdir: staging,
      outExtension: { '.js': '.cjs' },
      bundle: true,
      platform: 'node',
      format: 'cjs',
      target: 'node26',
      legalComments: 'none',
    })
    publish(staging)
  } finally {
    rmSync(staging, { recursive: true, force: true })
  }
  return MAIN
}

/** File by file, main last: whoever starts a pod meanwhile finds whole files, and two builders do not disturb each other. */
function publish(staging: string): void {
  mkdirSync(OUTPUT, { recursive: true })
  for (const file of ['watchdog.cjs', 'main.cjs']) renameSync(join(staging, file), join(OUTPUT, file))
}

function isFresh(): boolean {
  if (!existsSync(MAIN)) return false
  const builtAt = statSync(MAIN).mtimeMs
  const sources = readdirSync(SOURCES).map((file) => join(SOURCES, file))
  // The folder too: its time tells of files that went.
  return [SOURCES, fileURLToPath(import.meta.url), ...sources].every((path) => statSync(path).mtimeMs < builtAt)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.stdout.write(`${await buildRuntime({ force: process.argv.includes('--force') })}\n`)
}
