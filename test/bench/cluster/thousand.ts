/** A thousand Functions: applied and Ready, and what they cost at rest. */
import { setTimeout as sleep } from 'node:timers/promises'
import { run } from '../../../scripts/e2e/run.ts'
import { functionOf, saying } from '../../e2e/manifests.ts'
import { memoryMb } from '../process-cost.ts'
import { ms, type Row } from '../stats.ts'
import type { BenchCluster } from './bench-cluster.ts'
import { parseSeries } from './scrape.ts'
import { cpuOf, processesOf } from './warm.ts'

const FUNCTIONS = 1_000
const READY_LIMIT_MS = 300_000
const SETTLE_MS = 30_000
const REST_S = 60
const WRITES: ReadonlySet<string | undefined> = new Set(['POST', 'PUT', 'PATCH', 'APPLY', 'DELETE'])
/** Kubernetes' own at rest, and the renewals of leaders. */
const NOT_OURS: ReadonlySet<string | undefined> = new Set(['leases', 'events', 'nodes', 'tokenreviews'])

async function writes(kubeconfig: string): Promise<number> {
  const { code, stdout, stderr } = await run(['kubectl', '--kubeconfig', kubeconfig, 'get', '--raw', '/metrics'])
  if (code !== 0) throw new Error(stderr)
  return parseSeries(stdout)
    .filter(({ name, labels }) => name === 'apiserver_request_total' && WRITES.has(labels['verb']))
    .filter(({ labels }) => !NOT_OURS.has(labels['resource']))
    .reduce((sum, { value }) => sum + value, 0)
}

export async function thousandFunctions(bed: BenchCluster): Promise<Row[]> {
  const names = Array.from({ length: FUNCTIONS }, (_, index) => `fn-${index}`)
  const startedAt = performance.now()
  await bed.deploy(
    names.map((name) => functionOf(name, saying(name), { scaling: { idleAfter: '5s' } })),
    READY_LIMIT_MS,
  )
  const readyMs = performance.now() - startedAt
  await bed.rested(3)
  await sleep(SETTLE_MS)
  const controllers = processesOf('/app/controller.js')
  const before = { cpu: cpuOf(controllers), writes: await writes(bed.kubeconfig) }
  await sleep(REST_S * 1_000)
  const share = (cpuOf(controllers) - before.cpu) / (REST_S * 1e6)
  const written = (await writes(bed.kubeconfig)) - before.writes
  const memory = Math.max(...controllers.map((pid) => memoryMb(pid, 'VmRSS')))
  const perController = share / Math.max(1, controllers.length)
  return [
    {
      what: `${FUNCTIONS} Functions applied and Ready`,
      measured: ms(readyMs),
      goal: '≤ 60 s',
      reached: readyMs <= 60_000,
    },
    { what: `writes to the API in ${REST_S} s of rest`, measured: `${written}`, goal: '0', reached: written === 0 },
    {
      what: `processor time of a controller at rest (mean of ${controllers.length})`,
      measured: `${(perController * 100).toFixed(2)} %`,
      goal: '≤ 1 %',
      reached: perController <= 0.01,
    },
    {
      what: 'memory of the larger controller',
      measured: `${memory.toFixed(0)} MB`,
      goal: '≤ 250 MB',
      reached: memory <= 250,
    },
  ]
}
