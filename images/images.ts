import { existsSync } from 'node:fs'
import { ROOT } from './bundle.ts'
/**
 * The images that Dormouse ships, one per part. All have the same first layer (root-file-system.ts) and one file to run: `/app/<part>.js`.
 * How a cluster gets them is scripts' and CI's business: Dockerfile makes them with Docker, main.ts without.
 */
import { RUNTIME_EXEC_ARGV } from '../runtime-image/node/build-runtime.ts'

export interface Image {
  /** Without registry and tag. */
  name: string
  part: string
  title: string
  /** Source of the bundle; none: the part brings its own (runtime-image/). */
  entry?: string
  /** Node's own arguments, before the file. */
  nodeArguments: readonly string[]
}

/** Nobody: distroless' number of it, which charts can name in `runAsUser`. */
export const USER_ID = 65_532

/** Processes that live for months: a warning about an experiment of Node's is nothing their operators can act on. */
const QUIET = ['--disable-warning=ExperimentalWarning'] as const

export const IMAGES: readonly Image[] = [
  ...(existsSync(`${ROOT}controller/main.ts`)
    ? [image('controller', 'Reconciles functions, keeps pools, decides scale')]
    : []),
  image('gateway', 'HTTP to functions'),
  image('dispatcher', 'Events to functions'),
  image('cli', 'The dormouse command'),
  {
    name: 'dormouse-runtime-node',
    part: 'runtime-node',
    title: "The server inside node functions' pods",
    nodeArguments: RUNTIME_EXEC_ARGV,
  },
]

function image(part: string, title: string): Image {
  return { name: `dormouse-${part}`, part, title, entry: `${part}/main.ts`, nodeArguments: QUIET }
}

/** What a container of it runs, and as whom. Keys as in the OCI image configuration. */
export function imageConfig({ part, title, nodeArguments }: Image, version: string): Record<string, unknown> {
  return {
    User: `${USER_ID}:${USER_ID}`,
    WorkingDir: '/app',
    Env: ['PATH=/usr/bin', 'NODE_ENV=production', 'SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt'],
    Entrypoint: ['/usr/bin/node', ...nodeArguments, `/app/${part}.js`],
    Labels: {
      'org.opencontainers.image.title': `dormouse-${part}`,
      'org.opencontainers.image.description': title,
      'org.opencontainers.image.version': version,
      'org.opencontainers.image.licenses': 'Apache-2.0',
    },
  }
}
