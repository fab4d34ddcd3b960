/**
 * What the run does differently on a cluster that was not built here: how its nodes get the images, and how tests reach Services. Pure; main.ts
 * and images.ts ask the machine and act.
 */
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** What is known of the machine and of the cluster's kubeconfig. */
export interface ClusterFacts {
  /** It is one of `make cluster`. */
  isOurs: boolean
  /** Of the kubeconfig. */
  context: string
  /** E2E_REGISTRY: nodes can pull from there. */
  registry: string | undefined
  /** E2E_PUSH=0: the images of this tree are there already. */
  isPushed: boolean
  has: (program: string) => boolean
}

/** load: as `make images` does · kind: into the nodes of that cluster · push: with that program · there: nothing to do. */
export type ImagesWay =
  | { kind: 'load'; registry: string }
  | { kind: 'kind'; registry: string; cluster: string }
  | { kind: 'push'; registry: string; by: Pusher }
  | { kind: 'there'; registry: string }
  | { kind: 'none'; reason: string }

const PUSHERS = ['skopeo', 'crane', 'docker'] as const
export type Pusher = (typeof PUSHERS)[number]

/** As images are called that are in no registry. */
export const LOCAL = 'localhost'
const KIND_CONTEXT = /^kind-(.+)$/

export function imagesWay({ isOurs, context, registry, isPushed, has }: ClusterFacts): ImagesWay {
  if (isOurs) return { kind: 'load', registry: LOCAL }
  if (registry !== undefined) {
    if (isPushed) return { kind: 'there', registry }
    const by = PUSHERS.find(has)
    if (by !== undefined) return { kind: 'push', registry, by }
    return none(`expected ${PUSHERS.join(', ')} on this machine to push images to ${registry}, found none of them`)
  }
  const [, cluster] = KIND_CONTEXT.exec(context) ?? []
  if (cluster !== undefined && has('kind')) return { kind: 'kind', registry: LOCAL, cluster }
  return none(
    `expected E2E_REGISTRY to name a registry that the nodes of ${context} pull from, as it is no cluster of kind or of \`make cluster\`, got nothing`,
  )
}

const none = (reason: string): ImagesWay => ({ kind: 'none', reason })

/** One after the other. `name` is the image's in its archive, `target` what it is to be in the registry. */
export function pushCommands(
  by: Pusher,
  { archive, name, target }: { archive: string; name: string; target: string },
): [string, ...string[]][] {
  switch (by) {
    case 'skopeo':
      return [['skopeo', 'copy', `docker-archive:${archive}`, `docker://${target}`]]
    case 'crane':
      return [['crane', 'push', archive, target]]
    case 'docker':
      return [
        ['docker', 'load', '--input', archive],
        ['docker', 'tag', name, target],
        ['docker', 'push', target],
      ]
  }
}

/** Whether there is such a program. */
export function isOnPath(program: string, path: string): boolean {
  return path.split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, program), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}
