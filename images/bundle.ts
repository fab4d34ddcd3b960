/**
 * One file of CommonJS per part: it starts faster than a tree of modules, and what is not in it is not in the image. Tells which npm packages
 * went in, which is what the bill of materials is made from.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { build, type Plugin } from 'esbuild'
import { VERSION } from '../cli/version.ts'

export const ROOT = new URL('..', import.meta.url).pathname

/** Sources that read their surroundings, which an image does not have. */
const REPLACED: readonly { file: RegExp; contents: string }[] = [
  { file: /\/cli\/version\.ts$/, contents: `export const VERSION = ${JSON.stringify(VERSION)}` },
  { file: /\/cli\/install\/beside\.ts$/, contents: 'export const BESIDE = __dirname' },
  // `dormouse dev` starts pods as processes from the repository's sources, and esbuild for them.
  {
    file: /\/cli\/dev\/run-dev\.ts$/,
    contents: `import { CliError } from '../cli-error.ts'
      export async function runDev() {
        throw new CliError('dormouse dev runs on your machine, from npm: this image has the commands for clusters only')
      }`,
  },
]

const OWN_REQUIRE = /^const require = createRequire\(import\.meta\.url\)$/m

/** CommonJS has its own `require`, which esbuild looks through; one that a module made for itself would search the image for packages. */
const ownSources: Plugin = {
  name: 'own-sources',
  setup(setup) {
    setup.onLoad({ filter: /\.ts$/ }, ({ path }) => {
      const contents =
        REPLACED.find(({ file }) => file.test(path))?.contents ?? readFileSync(path, 'utf8').replace(OWN_REQUIRE, '')
      return { contents, loader: 'ts' }
    })
  },
}

/** Writes `outfile`; resolves to the folders of the npm packages in it, relative to the repository. */
export async function bundle(entry: string, outfile: string): Promise<string[]> {
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node26',
    charset: 'ascii',
    legalComments: 'none',
    // Stack traces with names cost a third of the size, and are what an operator has to send us.
    minifySyntax: true,
    minifyWhitespace: true,
    metafile: true,
    logLevel: 'warning',
    plugins: [ownSources],
    // `import.meta.url` is empty in CommonJS: whatever looks for files beside its source would not find them in the image.
    logOverride: { 'empty-import-meta': 'error' },
  })
  const [output] = Object.values(metafile.outputs)
  const inputs = Object.entries(output?.inputs ?? {}).filter(([, { bytesInOutput }]) => bytesInOutput > 0)
  return packageFolders(inputs.map(([path]) => path))
}

/** `node_modules/a/node_modules/@b/c/lib/x.js` → `node_modules/a/node_modules/@b/c`; sources of our own belong to none. */
export function packageFolders(paths: readonly string[]): string[] {
  const folders = paths.flatMap((path) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? [])
  return [...new Set(folders)].sort()
}

export const inRepository = (path: string): string => join(ROOT, path)
