/**
 * Loads the bundle beside this file with what V8 compiled when it was built: a pod that somebody waits for has better things to do than to
 * compile. A cache that is missing, or of another Node, costs its benefit only. Bundle and cache lie in a directory of their own per content,
 * as V8 itself compares no more than the source's length.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { constants, Script } from 'node:vm'

const BUNDLE_FILE = join(__dirname, 'runtime.cjs')
export const CACHE_FILE = join(__dirname, 'runtime.cache')

const PARAMETERS = 'require, __filename, __dirname'

export function bundleScript(): Script {
  // The bundle is ASCII: esbuild escapes the rest.
  const source = `(function (${PARAMETERS}) {${readFileSync(BUNDLE_FILE, 'latin1')}\n})`
  return new Script(source, {
    filename: BUNDLE_FILE,
    cachedData: readCache(),
    importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  })
}

export function runBundle(script: Script, require: NodeJS.Require): void {
  const start = script.runInThisContext() as (require: NodeJS.Require, file: string, directory: string) => void
  start(require, BUNDLE_FILE, __dirname)
}

function readCache(): Buffer | undefined {
  try {
    return readFileSync(CACHE_FILE)
  } catch {
    return undefined
  }
}
