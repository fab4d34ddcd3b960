/**
 * An image of somebody's own, made from one file: on the first layer of the images of this run, with images/, and known to the cluster's
 * node as they are.
 */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeLayer, writeArchive, type Layer } from '../../images/archive.ts'
import { USER_ID } from '../../images/images.ts'
import { run } from '../../scripts/e2e/run.ts'

const CLUSTER = new URL('../cluster/cluster.sh', import.meta.url).pathname
const IMAGES = new URL('../../dist/images', import.meta.url).pathname

/** A server on $PORT: says who it is, what it was asked, and what of its environment `tell` asks for; 1/5 s for `/slow`. */
export const SERVER = `
  const { createServer } = require('node:http')
  const { hostname } = require('node:os')
  const answer = (request, response) => {
    const tell = new URL(request.url, 'http://here').searchParams.get('tell') ?? ''
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ pod: hostname(), path: request.url, method: request.method, [tell]: process.env[tell] }))
  }
  const server = createServer((request, response) => {
    setTimeout(() => answer(request, response), request.url.startsWith('/slow') ? 200 : 0)
  })
  server.listen(Number(process.env.PORT))
  process.on('SIGTERM', () => server.close(() => process.exit(0)))`

export interface OwnImage {
  name: string
  source: string
  /** Of the images of this tree whose first layer it has. */
  tag: string
}

/** Resolves with what to write into `spec.image`. */
export async function loadOwnImage({ name, source, tag: base }: OwnImage): Promise<string> {
  const scratch = mkdtempSync(join(tmpdir(), 'dormouse-image-'))
  try {
    const first = firstLayer(scratch, base)
    const root = join(scratch, 'root')
    mkdirSync(join(root, 'app'), { recursive: true })
    writeFileSync(join(root, 'app/server.cjs'), source)
    const layers = [first, await makeLayer(root, join(scratch, 'own.tar'))]
    const tag = createHash('sha256')
      .update(layers.map(({ sha256 }) => sha256).join(' '))
      .digest('hex')
      .slice(0, 12)
    const reference = `localhost/e2e-${name}:${tag}`
    const archive = join(scratch, 'image.tar')
    writeArchive(reference, { layers, config: CONFIG }, archive)
    await load(archive)
    return reference
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

const CONFIG = {
  User: `${USER_ID}:${USER_ID}`,
  Env: ['PATH=/usr/bin'],
  Entrypoint: ['/usr/bin/node', '/app/server.cjs'],
}

/** Node and what it needs, out of an archive that `make images` has written. */
function firstLayer(scratch: string, tag: string): Layer {
  const archive = join(IMAGES, `dormouse-gateway-${tag}.tar`)
  const [manifest] = JSON.parse(execFileSync('tar', ['-xOf', archive, 'manifest.json'], { encoding: 'utf8' })) as [
    { Layers: string[] },
  ]
  const file = manifest.Layers[0] ?? ''
  execFileSync('tar', ['-C', scratch, '-xf', archive, file])
  return { file: join(scratch, file), sha256: file.replace(/\.tar$/, '') }
}

async function load(archive: string): Promise<void> {
  // The script takes KUBECONFIG for a cluster of others, whose nodes are not its to fill.
  const { KUBECONFIG: _, ...env } = process.env
  const { code, stderr } = await run([CLUSTER, 'load', archive], { env })
  if (code !== 0) throw new Error(`an image could not be loaded: ${stderr}`)
}
