/** The same as boot.ts, for the build: when the process ends, what it has compiled until then becomes the cache of those after it. */
import { writeFileSync } from 'node:fs'
import { bundleScript, CACHE_FILE, runBundle } from './load-bundle.ts'

const script = bundleScript()
process.on('exit', () => writeFileSync(CACHE_FILE, script.createCachedData()))
runBundle(script, require)
