/**
 * What our adapter of the Cluster port costs beside client-node's typed client and informer: memory and start with 1,000 Secrets of 4 KiB cached,
 * and reading one of them 300 times. Each in a process of its own, against one small API server over TLS.
 * Usage: npm run bench:cluster-client
 */
import { execFileSync, fork } from 'node:child_process'
import { writeFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { newAuthority } from '../builders/certificates.ts'
import { FakeApiServer } from '../fakes/fake-api-server.ts'

const OBJECTS = 1_000
const READS = 300

interface Cost {
  importMs: number
  importMb: number
  syncMs: number
  syncedMb: number
  readMs: number
}

const rssMb = (): number => {
  globalThis.gc?.()
  return process.memoryUsage().rss / 1e6
}

async function measure(
  prepare: () => Promise<{ sync: () => Promise<void>; read: () => Promise<unknown> }>,
): Promise<Cost> {
  const startMb = rssMb()
  const startedMs = performance.now()
  const { sync, read } = await prepare()
  const importMs = performance.now() - startedMs
  const importMb = rssMb() - startMb
  const listedMs = performance.now()
  await sync()
  const syncMs = performance.now() - listedMs
  const syncedMb = rssMb() - startMb
  const readsMs = performance.now()
  for (let reads = 0; reads < READS; reads += 1) await read()
  return { importMs, importMb, syncMs, syncedMb, readMs: (performance.now() - readsMs) / READS }
}

async function ours(kubeconfig: string, isInCluster: boolean) {
  const { createClientNodeCluster } = await import('../../kube/client-node/client-node-cluster.ts')
  const { loadClusterAccess } = await import('../../kube/client-node/kube-config.ts')
  const { SECRETS } = await import('../../kube/objects.ts')
  const { silentLogger } = await import('../../lib/logger.ts')
  const directory = join(kubeconfig, '..')
  const { port } = new URL(process.argv[4] ?? '')
  const pod = { KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: port }
  const access = await (isInCluster
    ? loadClusterAccess({ env: pod, serviceAccountDirectory: directory })
    : loadClusterAccess({ env: {}, kubeconfig }))
  const cluster = createClientNodeCluster({ access, logger: silentLogger })
  return {
    sync: () => cluster.cache(SECRETS, { namespace: 'n' }).synced,
    read: () => cluster.get(SECRETS, { namespace: 'n', name: 's1' }),
  }
}

async function theirs(kubeconfig: string) {
  const { KubeConfig, CoreV1Api, makeInformer } = await import('@kubernetes/client-node')
  const config = new KubeConfig()
  config.loadFromFile(kubeconfig)
  const api = config.makeApiClient(CoreV1Api)
  const list = () => api.listNamespacedSecret({ namespace: 'n' })
  const informer = makeInformer(config, '/api/v1/namespaces/n/secrets', list)
  return {
    sync: () => informer.start(),
    read: () => api.readNamespacedSecret({ namespace: 'n', name: 's1' }),
  }
}

async function child(mode: string, kubeconfig: string): Promise<void> {
  const cost = await measure(() => (mode === 'theirs' ? theirs(kubeconfig) : ours(kubeconfig, mode === 'pod')))
  process.stdout.write(JSON.stringify(cost))
  process.exit(0)
}

async function serve(directory: string): Promise<void> {
  const authority = newAuthority('bench')
  const server = await FakeApiServer.start(authority)
  for (let index = 0; index < OBJECTS; index += 1) server.put(`s${index}`, { data: { code: 'x'.repeat(4096) } })
  const url = `https://127.0.0.1:${server.port}`
  const named = (what: object) => [{ name: 'b', ...what }]
  const data = Buffer.from(authority.ca).toString('base64')
  writeFileSync(
    join(directory, 'config'),
    JSON.stringify({
      ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'b' },
      clusters: named({ cluster: { server: url, 'certificate-authority-data': data } }),
      users: named({ user: { token: 't' } }),
      contexts: named({ context: { cluster: 'b', user: 'b' } }),
    }),
  )
  writeFileSync(join(directory, 'token'), 't')
  writeFileSync(join(directory, 'ca.crt'), authority.ca)
  process.send?.({ url })
}

async function run(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'dormouse-bench-'))
  const server = fork(import.meta.filename, ['serve', directory])
  try {
    const { url } = await new Promise<{ url: string }>((resolve) => server.once('message', resolve as () => void))
    const file = join(directory, 'config')
    for (const [mode, name] of [
      ['theirs', "client-node's typed client and informer"],
      ['kubeconfig', 'ours, by a kubeconfig'],
      ['pod', 'ours, in a pod'],
    ] as const) {
      const args = ['--expose-gc', '--disable-warning=ExperimentalWarning', import.meta.filename, mode, file, url]
      const cost = JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' })) as Cost
      const rounded = Object.entries(cost).map(([what, value]) => `${what} ${Number(value).toFixed(1)}`)
      console.log(`${name}: ${rounded.join(', ')}`)
    }
  } finally {
    server.kill()
    rmSync(directory, { recursive: true, force: true })
  }
}

const [, , mode, file = ''] = process.argv
await (mode === undefined ? run() : mode === 'serve' ? serve(file) : child(mode, file))
