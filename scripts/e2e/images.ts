/** Makes this tree's images and brings them to where the cluster's nodes find them. */
import { readdirSync, readFileSync } from 'node:fs'
import { imagesWay, isOnPath, LOCAL, pushCommands, type ImagesWay } from './foreign.ts'
import { must } from './run.ts'

const OUTPUT = 'dist/images'

export interface BroughtImages {
  registry: string
  tag: string
}

/** Throws a sentence of what is expected of a cluster that was not built here. */
export async function bringImages({
  kubeconfig,
  isOurs,
}: {
  kubeconfig: string
  isOurs: boolean
}): Promise<BroughtImages> {
  const env = { ...process.env, KUBECONFIG: kubeconfig }
  const way = imagesWay({
    isOurs,
    context: (await must(['kubectl', 'config', 'current-context'], { env })).trim(),
    registry: process.env['E2E_REGISTRY'],
    isPushed: process.env['E2E_PUSH'] === '0',
    has: (program) => isOnPath(program, process.env['PATH'] ?? ''),
  })
  // Before anything is built.
  if (way.kind === 'none') throw new Error(way.reason)
  const args = way.kind === 'load' ? ['--load'] : []
  process.stdout.write(await must(['node', 'images/main.ts', ...args], { tellErrors: true }))
  const tag = readFileSync(`${OUTPUT}/tag`, 'utf8').trim()
  await bring(way, tag)
  return { registry: way.registry, tag }
}

async function bring(way: Exclude<ImagesWay, { kind: 'none' }>, tag: string): Promise<void> {
  if (way.kind === 'load' || way.kind === 'there') return
  for (const file of readdirSync(OUTPUT).filter((each) => each.endsWith(`-${tag}.tar`))) {
    const archive = `${OUTPUT}/${file}`
    if (way.kind === 'kind') {
      await must(['kind', 'load', 'image-archive', archive, '--name', way.cluster])
      continue
    }
    const image = file.slice(0, -`-${tag}.tar`.length)
    const of = { archive, name: `${LOCAL}/${image}:${tag}`, target: `${way.registry}/${image}:${tag}` }
    for (const command of pushCommands(way.by, of)) await must(command)
  }
}
