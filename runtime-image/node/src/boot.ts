/** What pods run: the bundle, with V8's cache of it. See load-bundle.ts. */
import { bundleScript, runBundle } from './load-bundle.ts'

runBundle(bundleScript(), require)
