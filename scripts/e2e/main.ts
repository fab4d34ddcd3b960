/**
 * `make e2e`: a cluster, this tree's images, the chart, all of test/e2e, and everything away again. What was there before stays: a cluster
 * that ran runs on. `--keep` leaves the installation for the next run, `--only PATTERN` runs the files that match. Where there cannot be a cluster the tests are
 * skipped with the reason. Last line "N passed, N failed, N skipped"; exit 1 when anything failed.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { readCounts, sum, tell, type Counts } from '../jest-counts.ts'
import { closeCluster, openCluster } from './cluster.ts'
import type { E2eEnvironment } from './environment.ts'
import { install, NAMESPACE, RELEASE, uninstall } from './installation.ts'
import { openKafkaForPods, type PodsKafka } from './kafka.ts'
import { must } from './run.ts'

/** test/cluster/env.sh has it as LC_NODE_IP, and test/cluster/certs.sh names the file. */
const NODE_ADDRESS = process.env['LC_NODE_IP'] ?? '10.89.0.1'
const LOCAL_KUBECONFIG = `${process.env['LC_STATE'] ?? '/var/lib/local-cluster'}/admin.kubeconfig`
const BIN =
  process.env['LC_BIN'] ?? `${process.env['XDG_CACHE_HOME'] ?? `${process.env['HOME']}/.cache`}/dormouse/cluster/bin`
const LAST = 'uninstall'

const { values } = parseArgs({
  options: { keep: { type: 'boolean', default: false }, only: { type: 'string', multiple: true, default: [] } },
})

const scratch = mkdtempSync(join(tmpdir(), 'dormouse-e2e-'))

function jest(name: string, environment: Record<string, string>, args: readonly string[]): Promise<Counts> {
  const file = join(scratch, `${name}.json`)
  const script = ['run', '--silent', 'test:e2e', '--', '--json', `--outputFile=${file}`, ...args]
  return new Promise((resolve) => {
    const env = { ...process.env, ...environment }
    const child = spawn('npm', script, { stdio: ['ignore', 'ignore', 'inherit'], env })
    child.on('close', (code) => resolve(readCounts(file, code ?? 1)))
  })
}

async function images(): Promise<string> {
  const output = await must(['node', 'images/main.ts', '--load'], { tellErrors: true })
  process.stdout.write(output)
  return readFileSync('dist/images/tag', 'utf8').trim()
}

function environmentOf(kubeconfig: string, tag: string, kafka: PodsKafka): Record<string, string> {
  const environment: E2eEnvironment = {
    kubeconfig,
    namespace: NAMESPACE,
    release: RELEASE,
    tag,
    local: kubeconfig === LOCAL_KUBECONFIG,
    kafka: kafka.kind === 'missing' ? { missing: kafka.reason } : { forTests: kafka.forTests, forPods: kafka.forPods },
  }
  return { DORMOUSE_E2E: JSON.stringify(environment), KUBECONFIG: kubeconfig }
}

async function onCluster(kubeconfig: string): Promise<Counts> {
  process.env['PATH'] = `${BIN}:${process.env['PATH'] ?? ''}`
  const kafka = await openKafkaForPods(kubeconfig === LOCAL_KUBECONFIG ? NODE_ADDRESS : undefined)
  console.log(kafka.kind === 'missing' ? `SKIP tests on Kafka: ${kafka.reason}` : `events on ${kafka.name}`)
  try {
    const tag = await images()
    console.log('installing the chart…')
    await install({ kubeconfig, tag, brokers: kafka.kind === 'missing' ? [] : kafka.forPods })
    const environment = environmentOf(kubeconfig, tag, kafka)
    const counts = [await jest('e2e', environment, [...values.only, `--testPathIgnorePatterns=${LAST}`])]
    // Whoever asks for one file wants to ask again.
    if (!values.keep && values.only.length === 0) counts.push(await jest(LAST, environment, [LAST]))
    return sum(counts)
  } finally {
    if (!values.keep) await uninstall(kubeconfig)
    if (kafka.kind === 'available') await kafka.stop()
  }
}

async function main(): Promise<Counts> {
  const cluster = await openCluster()
  if (cluster.kind === 'impossible') {
    console.log(`SKIP test/e2e: ${cluster.reason}`)
    return jest('skipped', { DORMOUSE_E2E_SKIP: cluster.reason }, [])
  }
  try {
    return await onCluster(cluster.kubeconfig)
  } finally {
    if (cluster.startedHere && !values.keep) await closeCluster()
  }
}

let total: Counts
try {
  total = await main()
} catch (error) {
  console.error(`e2e: ${error instanceof Error ? error.message : String(error)}`)
  total = { passed: 0, failed: 1, skipped: 0 }
} finally {
  rmSync(scratch, { recursive: true, force: true })
}
console.log(tell(total))
process.exitCode = total.failed === 0 ? 0 : 1
