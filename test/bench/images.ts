/**
 * What images cost: their size, and how long their programs take from exec to an open port, beside a bare `node:http` in the same run. Their file
 * systems are made as `make images` makes them and entered by chroot, so it is the very node, libraries and files that a container has; needs root.
 * Usage: npm run bench:images [rounds]
 */
import { execFileSync, spawn } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { makeApplication } from '../../images/application.ts'
import { imageConfig, IMAGES, type Image } from '../../images/images.ts'
import { makeRootFileSystem } from '../../images/root-file-system.ts'
import { holdFreePort } from '../../local/free-port.ts'
import { ms, percentile } from './stats.ts'

const ROUNDS = Number(process.argv[2] ?? 7)
const PATIENCE_MS = 60_000
const SOME_PUBLIC_KEY = 'MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo='
const KUBECONFIG = `apiVersion: v1
kind: Config
current-context: x
contexts: [{ name: x, context: { cluster: x, user: x } }]
clusters: [{ name: x, cluster: { server: 'http://127.0.0.1:1' } }]
users: [{ name: x, user: { token: x } }]
`

/** Enough to begin: nobody is there whom they would talk to. */
function environment(part: string, port: number): Record<string, string> {
  const common = {
    DORMOUSE_LISTEN_HOST: '127.0.0.1',
    DORMOUSE_MANAGEMENT_PORT: String(port),
    DORMOUSE_LOG_LEVEL: 'error',
  }
  const dataPlane = { DORMOUSE_CONTROLLERS: 'http://127.0.0.1:1', DORMOUSE_TOKEN_FILE: '/etc/passwd' }
  if (part === 'gateway') return { ...common, ...dataPlane, DORMOUSE_PUBLIC_PORT: '0', DORMOUSE_INTERNAL_PORT: '0' }
  if (part === 'dispatcher') return { ...common, ...dataPlane, DORMOUSE_KAFKA: '127.0.0.1:1' }
  if (part === 'controller')
    return {
      ...common,
      KUBECONFIG: '/tmp/kubeconfig',
      DORMOUSE_NAMESPACE: 'x',
      DORMOUSE_DATA_PLANES: 'x/x',
      DORMOUSE_CONTROLLER_PORT: '0',
    }
  const pod = { DORMOUSE_POD_NAMESPACE: 'x', DORMOUSE_POD_NAME: 'x', DORMOUSE_POD_UID: 'x' }
  return {
    ...pod,
    DORMOUSE_CONTROL_PORT: String(port),
    DORMOUSE_DATA_PORT: '0',
    DORMOUSE_LISTEN_HOST: '127.0.0.1',
    DORMOUSE_PUBLIC_KEY: SOME_PUBLIC_KEY,
  }
}

async function untilListening(port: number): Promise<void> {
  for (const untilMs = performance.now() + PATIENCE_MS; performance.now() < untilMs; await delay(1)) {
    const socket = connect(port, '127.0.0.1')
    const opened = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    })
    socket.destroy()
    if (opened) return
  }
  throw new Error(`nothing listens on ${port} after ${PATIENCE_MS / 1000} s`)
}

async function startMs(
  root: string,
  command: readonly string[],
  env: (port: number) => Record<string, string>,
): Promise<number> {
  const { port, release } = await holdFreePort('127.0.0.1')
  await release()
  const startedAt = performance.now()
  const child = spawn('/usr/sbin/chroot', [root, ...command.map((word) => word.replace('PORT', String(port)))], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: env(port),
  })
  try {
    await untilListening(port)
    return performance.now() - startedAt
  } finally {
    const gone = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGKILL')
    await gone
  }
}

const sizeMb = (directory: string): string =>
  (Number(execFileSync('du', ['-sb', directory], { encoding: 'utf8' }).split('\t')[0]) / 1e6).toFixed(1)

const scratch = mkdtempSync(join(tmpdir(), 'dormouse-bench-images-'))
try {
  const base = join(scratch, 'base')
  const components = makeRootFileSystem(base)
  console.log('| image | of its own | from exec to an open port, p50 | beside bare node |\n| --- | --- | --- | --- |')
  const bare = ['/usr/bin/node', '-e', "require('node:http').createServer().listen(PORT, '127.0.0.1')"]
  const bareMs: number[] = []
  const rows: { image: Image; root: string; own: string; times: number[] }[] = []
  for (const image of IMAGES.filter(({ part }) => part !== 'cli')) {
    const application = join(scratch, `${image.part}-application`)
    await makeApplication(image, application, components)
    const root = join(scratch, image.part)
    cpSync(base, root, { recursive: true })
    cpSync(application, root, { recursive: true })
    writeFileSync(join(root, 'tmp/kubeconfig'), KUBECONFIG)
    rows.push({ image, root, own: sizeMb(application), times: [] })
  }
  // In alternation: what else the machine does hits all of them.
  for (let round = 0; round <= ROUNDS; round++) {
    const first = await startMs(base, bare, () => ({}))
    if (round > 0) bareMs.push(first)
    for (const { image, root, times } of rows) {
      const command = imageConfig(image, '')['Entrypoint'] as string[]
      const took = await startMs(root, command, (port) => environment(image.part, port))
      if (round > 0) times.push(took)
    }
  }
  const bareP50 = percentile(bareMs, 50)
  console.log(`| the layer all have in common | ${sizeMb(base)} MB | ${ms(bareP50)} | 1 |`)
  for (const { image, own, times } of rows) {
    const p50 = percentile(times, 50)
    console.log(`| ${image.name} | ${own} MB | ${ms(p50)} | ${(p50 / bareP50).toFixed(2)} |`)
  }
} finally {
  rmSync(scratch, { recursive: true, force: true })
}
