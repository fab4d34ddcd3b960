/** The second layer of an image: the part's bundle, what it was made from, and the licences of that. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import { buildRuntime } from '../runtime-image/node/build-runtime.ts'
import { VERSION } from '../cli/version.ts'
import { bundle, inRepository, ROOT } from './bundle.ts'
import type { Image } from './images.ts'
import { cycloneDx, npmComponent, type Component, type PackageJson } from './sbom.ts'
import { Tree } from './tree.ts'

const LICENCE_FILE = /^(licen[cs]e|notice|copying)/i

/** Fills `root`. `base`: what the layer below has. */
export async function makeApplication(image: Image, root: string, base: readonly Component[]): Promise<void> {
  const tree = new Tree(root)
  const packages = image.entry === undefined ? await addRuntime(image, tree) : await addBundle(image.entry, image, tree)
  const components = packages.map((folder) => npmComponent(readPackage(folder)))
  const bill = cycloneDx({ name: image.name, version: VERSION }, [...base, ...components])
  tree.write(sbomFile(image), `${JSON.stringify(bill, null, 2)}\n`)
  tree.write('usr/share/doc/dormouse/LICENSE', readFileSync(inRepository('LICENSE')))
  if (packages.length > 0) tree.write('usr/share/doc/dormouse/THIRD-PARTY-LICENSES', packages.map(licences).join('\n'))
}

/** Where the image has its own bill of materials. */
export const sbomFile = ({ name }: Image): string => `usr/share/sbom/${name}.cdx.json`

async function addBundle(entry: string, { part }: Image, tree: Tree): Promise<string[]> {
  const staging = join(dirname(tree.root), `${part}.bundle`)
  mkdirSync(staging, { recursive: true })
  try {
    const file = join(staging, `${part}.js`)
    const packages = await bundle(entry, file)
    tree.copy(file, `app/${part}.js`)
    if (part === 'cli') addFolder('charts/dormouse', tree)
    return packages
  } finally {
    rmSync(staging, { recursive: true, force: true })
  }
}

/** What `dormouse install` and `doctor` look for beside the command. */
function addFolder(folder: string, tree: Tree): void {
  for (const entry of readdirSync(inRepository(folder), { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue
    const file = join(entry.parentPath, entry.name)
    tree.copy(file, join('app', relative(ROOT, file)))
  }
}

/** `main.cjs`, which names the directory of the bundle and of what V8 compiled of it for this very Node. */
async function addRuntime({ part }: Image, tree: Tree): Promise<string[]> {
  const main = await buildRuntime()
  const text = readFileSync(main, 'utf8')
  const directory = /\.\/([0-9a-f]+)\//.exec(text)?.[1]
  if (directory === undefined) throw new Error(`expected ${main} to name the directory of its bundle, got: ${text}`)
  tree.write(`app/${part}.js`, text)
  for (const file of readdirSync(join(dirname(main), directory)))
    tree.copy(join(dirname(main), directory, file), `app/${directory}/${file}`)
  return []
}

function readPackage(folder: string): PackageJson {
  const { name, version, license } = JSON.parse(
    readFileSync(inRepository(`${folder}/package.json`), 'utf8'),
  ) as PackageJson
  return { name, version, ...(typeof license === 'string' ? { license } : {}) }
}

function licences(folder: string): string {
  const { name, version, license } = readPackage(folder)
  const directory = inRepository(folder)
  const files = existsSync(directory) ? readdirSync(directory).filter((file) => LICENCE_FILE.test(basename(file))) : []
  const texts = files.map((file) => readFileSync(join(directory, file), 'utf8').trim())
  return [`=== ${name} ${version} (${license ?? 'see below'})`, ...texts, ''].join('\n\n')
}
