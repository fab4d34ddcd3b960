/**
 * Directories → an archive that `docker load`, `podman load` and `ctr images import` read: one layer per directory, in order. Needs GNU tar
 * and nothing else, above all no daemon and no registry. The same input gives the same bytes.
 */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createReadStream, linkSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { arch } from 'node:os'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'

/** Names of the processors as images say them. */
const ARCHITECTURES: Partial<Record<string, string>> = { x64: 'amd64' }
const EPOCH = '1970-01-01T00:00:00Z'
const SAME_FOR_ALL = ['--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner', '--format=gnu']

export interface Layer {
  file: string
  /** Of the file, in hexadecimal: what a layer is known by. */
  sha256: string
}

export async function makeLayer(directory: string, file: string): Promise<Layer> {
  execFileSync('tar', ['-C', directory, ...SAME_FOR_ALL, '-cf', file, '.'])
  const hash = createHash('sha256')
  await pipeline(createReadStream(file), hash)
  return { file, sha256: hash.digest('hex') }
}

/** `reference`: name and tag. Appears at `out` whole or not at all. */
export function writeArchive(
  reference: string,
  { layers, config }: { layers: readonly Layer[]; config: object },
  out: string,
): void {
  mkdirSync(dirname(out), { recursive: true })
  const staging = mkdtempSync(`${out}.`)
  try {
    const image = JSON.stringify({
      architecture: ARCHITECTURES[arch()] ?? arch(),
      os: 'linux',
      created: EPOCH,
      config,
      rootfs: { type: 'layers', diff_ids: layers.map(({ sha256 }) => `sha256:${sha256}`) },
      history: layers.map(() => ({ created: EPOCH, created_by: 'dormouse images/' })),
    })
    const configFile = `${createHash('sha256').update(image).digest('hex')}.json`
    const layerFiles = layers.map(({ sha256 }) => `${sha256}.tar`)
    for (const { file, sha256 } of layers) linkSync(file, join(staging, `${sha256}.tar`))
    writeFileSync(join(staging, configFile), image)
    const manifest = [{ Config: configFile, RepoTags: [reference], Layers: layerFiles }]
    writeFileSync(join(staging, 'manifest.json'), JSON.stringify(manifest))
    const archive = join(staging, 'archive')
    execFileSync('tar', ['-C', staging, ...SAME_FOR_ALL, '-cf', archive, 'manifest.json', configFile, ...layerFiles])
    renameSync(archive, out)
  } finally {
    rmSync(staging, { recursive: true, force: true })
  }
}
