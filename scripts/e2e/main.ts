/**
 * `make e2e`: a cluster, this tree's images, the chart, all of test/e2e, and everything away again. What was there before stays: a cluster
 * that ran runs on. `--keep` leaves the installation for the next run, `--only PATTERN` runs the files that match. Where there cannot be a cluster the tests are
 * skipped with the reason. Last line "N passed, N failed, N skipped"; exit 1 when anything failed.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { watchInterruption } from '../interruption.ts'
import { sum, tell, type Counts } from '../jest-counts.ts'
import { runJest, type JestRun } from '../run-jest.ts'
import { BIN, closeCluster, openCluster } from './cluster.ts'
import type { E2eEnvironment } from './environment.ts'
import { bringImages } from './images.ts'
import { install, NAMESPACE, RELEASE, uninstall } from './installation.ts'
import { openKafkaForPods, type PodsKafka } from './kafka.ts'
import { bringPrometheus } from './prometheus.ts'
import { reachesServices } from './reach.ts'
import { errorText } from '../../lib/error-text.ts'

/** test/cluster/env.sh has it as LC_NODE_IP, and test/cluster/certs.sh names the file. */
const NODE_ADDRESS = process.env['LC_NODE_IP'] ?? '10.89.0.1'
const LOCAL_KUBECONFIG = `${process.env['LC_STATE'] ?? '/var/lib/local-cluster'}/admin.kubeconfig`
/** test/cluster/cluster.sh has it as KIND_KUBECONFIG. */
const KIND_KUBECONFIG = join(BIN, '../kind.kubeconfig')
/** Suites that fell, replace or fill what others use: one after the other. All others have a namespace of their own, and run two at a time. */
const DISRUPTIVE = 'test/e2e/disruptive/'
const LAST = `${DISRUPTIVE}uninstall`
/** Of the other projects: what `make test` skips on a machine without a cluster and the tools that come with it. */
const NEEDS_CLUSTER = 'test/(conformance/cluster/kubernetes|integration/(chart|observability)/)'

const { values } = parseArgs({
  options: { keep: { type: 'boolean', default: false }, only: { type: 'string', multiple: true, default: [] } },
})

const scratch = mkdtempSync(join(tmpdir(), 'dormouse-e2e-'))
const interruption = watchInterruption()
const { signal } = interruption

const jest = (name: string, { script = 'test:e2e', ...run }: Partial<JestRun>): Promise<Counts> =>
  runJest({ ...run, script, outputFile: join(scratch, `${name}.json`), signal })

interface Installed {
  kubeconfig: string
  tag: string
  kafka: PodsKafka
  /** From this machine. */
  reachesServices: boolean
}

/** `make cluster` has made it, and `make images` loads into it. */
const isOurs = (kubeconfig: string) => kubeconfig === LOCAL_KUBECONFIG || kubeconfig === KIND_KUBECONFIG

function environmentOf({ kubeconfig, tag, kafka, reachesServices }: Installed): Record<string, string> {
  const environment: E2eEnvironment = {
    kubeconfig,
    namespace: NAMESPACE,
    release: RELEASE,
    tag,
    local: kubeconfig === LOCAL_KUBECONFIG,
    reachesServices,
    kafka: kafka.kind === 'missing' ? { missing: kafka.reason } : { forTests: kafka.forTests, forPods: kafka.forPods },
  }
  return { DORMOUSE_E2E: JSON.stringify(environment), KUBECONFIG: kubeconfig }
}

/** What has to be run on an installation, in its order. */
async function allOn(environment: Record<string, string>): Promise<Counts> {
  // Whoever asks for one file wants to ask again.
  if (values.only.length > 0)
    return jest('e2e', { environment, args: ['--runInBand', ...values.only, ...without(LAST)] })
  const steps: (readonly [string, Partial<JestRun>])[] = [
    ['e2e', { args: ['--maxWorkers=2', ...without(DISRUPTIVE)] }],
    ['disruptive', { args: ['--runInBand', DISRUPTIVE, ...without(LAST)] }],
    ['rest', { script: 'test:integration', args: ['--testPathPatterns', NEEDS_CLUSTER] }],
    ...(values.keep ? [] : [['last', { args: ['--runInBand', LAST] }] as const]),
  ]
  const counts: Counts[] = []
  for (const [name, step] of steps) if (!signal.aborted) counts.push(await jest(name, { ...step, environment }))
  return sum(counts)
}

const without = (pattern: string): string[] => [`--testPathIgnorePatterns=${pattern}`]

async function onCluster(kubeconfig: string): Promise<Counts> {
  process.env['PATH'] = `${BIN}:${process.env['PATH'] ?? ''}`
  await bringPrometheus()
  const kafka = await openKafkaForPods(kubeconfig === LOCAL_KUBECONFIG ? NODE_ADDRESS : undefined)
  console.log(kafka.kind === 'missing' ? `SKIP tests on Kafka: ${kafka.reason}` : `events on ${kafka.name}`)
  try {
    const { registry, tag } = await bringImages({ kubeconfig, isOurs: isOurs(kubeconfig) })
    console.log('installing the chart…')
    await install({ kubeconfig, registry, tag, brokers: kafka.kind === 'missing' ? [] : kafka.forPods })
    const reaches = await reachesServices(kubeconfig, { namespace: NAMESPACE, service: `${RELEASE}-gateway-internal` })
    if (!reaches) console.log('Services are called through forwarded ports: their addresses do not answer from here')
    const environment = environmentOf({ kubeconfig, tag, kafka, reachesServices: reaches })
    return await allOn(environment)
  } finally {
    if (!values.keep) await uninstall(kubeconfig)
    if (kafka.kind === 'available') await kafka.stop()
  }
}

async function main(): Promise<Counts> {
  const cluster = await openCluster()
  if (cluster.kind === 'impossible') {
    console.log(`SKIP test/e2e: ${cluster.reason}`)
    return jest('skipped', { environment: { DORMOUSE_E2E_SKIP: cluster.reason } })
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
  console.error(`e2e: ${errorText(error)}`)
  total = { passed: 0, failed: 1, skipped: 0 }
} finally {
  rmSync(scratch, { recursive: true, force: true })
}
console.log(tell(total))
process.exitCode = interruption.exitCode() ?? (total.failed === 0 ? 0 : 1)
