/**
 * `make images`: all images as archives in dist/images, without Docker and without a registry. One tag for all, made from their content, so
 * that a change of any is a new version of the whole and the same content is never written twice. Prints names and sizes, last line the tag.
 * `--load` makes them known to the cluster of `make cluster`, if one runs. With `--root-file-systems DIR` only the files, DIR/<part>/ each: what the Dockerfile copies.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { VERSION } from '../cli/version.ts'
import { makeApplication, sbomFile } from './application.ts'
import { makeLayer, writeArchive, type Layer } from './archive.ts'
import { inRepository } from './bundle.ts'
import { imageConfig, IMAGES, type Image } from './images.ts'
import { makeRootFileSystem } from './root-file-system.ts'
import { errorText } from '../lib/error-text.ts'

/** What images of this machine are called: no registry has that name, so nothing is ever pulled by it. */
const LOCAL_REGISTRY = 'localhost'
const OUTPUT = inRepository('dist/images')

const { values } = parseArgs({
  options: {
    registry: { type: 'string', default: LOCAL_REGISTRY },
    load: { type: 'boolean', default: false },
    'root-file-systems': { type: 'string' },
  },
})

interface Made {
  image: Image
  config: object
  layer: Layer
}

async function writeArchives(scratch: string): Promise<void> {
  const base = join(scratch, 'base')
  const components = makeRootFileSystem(base)
  const baseLayer = await makeLayer(base, join(scratch, 'base.tar'))
  const made: Made[] = []
  for (const image of IMAGES) {
    const root = join(scratch, image.part)
    await makeApplication(image, root, components)
    copyFileSync(join(root, sbomFile(image)), join(OUTPUT, `${image.name}.cdx.json`))
    const layer = await makeLayer(root, join(scratch, `${image.part}.tar`))
    made.push({ image, config: imageConfig(image, VERSION), layer })
  }
  const tag = tagOf(baseLayer, made)
  removeOthers(tag)
  const archives: string[] = []
  for (const { image, config, layer } of made) {
    const archive = join(OUTPUT, `${image.name}-${tag}.tar`)
    if (!existsSync(archive))
      writeArchive(`${values.registry}/${image.name}:${tag}`, { layers: [baseLayer, layer], config }, archive)
    archives.push(archive)
    const own = (statSync(layer.file).size / 1e6).toFixed(1)
    const whole = (statSync(archive).size / 1e6).toFixed(1)
    console.log(`${values.registry}/${image.name}:${tag}  ${whole} MB, of its own ${own} MB`)
  }
  if (values.load) load(archives)
  writeFileSync(join(OUTPUT, 'tag'), `${tag}\n`)
  console.log(tag)
}

/** Standard output is ours: its last line is the tag. */
function load(archives: readonly string[]): void {
  const cluster = inRepository('test/cluster/cluster.sh')
  if (spawnSync(cluster, ['kubeconfig'], { stdio: 'ignore' }).status !== 0) return
  const { status } = spawnSync(cluster, ['load', ...archives], { stdio: ['ignore', 'inherit', 'inherit'] })
  if (status !== 0) throw new Error('the images could not be loaded into the cluster')
}

function tagOf(base: Layer, made: readonly Made[]): string {
  const content = made.map(({ image, config, layer }) => [image.name, config, layer.sha256])
  return createHash('sha256')
    .update(JSON.stringify([base.sha256, content]))
    .digest('hex')
    .slice(0, 12)
}

function removeOthers(tag: string): void {
  for (const file of readdirSync(OUTPUT))
    if (file.endsWith('.tar') && !file.endsWith(`-${tag}.tar`)) rmSync(join(OUTPUT, file))
}

async function writeRootFileSystems(directory: string, scratch: string): Promise<void> {
  const base = join(scratch, 'base')
  const components = makeRootFileSystem(base)
  for (const image of IMAGES) {
    cpSync(base, join(directory, image.part), { recursive: true, preserveTimestamps: true })
    await makeApplication(image, join(directory, image.part), components)
  }
}

mkdirSync(OUTPUT, { recursive: true })
const scratch = mkdtempSync(join(OUTPUT, 'making-'))
try {
  const directory = values['root-file-systems']
  await (directory === undefined ? writeArchives(scratch) : writeRootFileSystems(directory, scratch))
} catch (error) {
  console.error(`images: ${errorText(error)}`)
  process.exitCode = 1
} finally {
  rmSync(scratch, { recursive: true, force: true })
}
