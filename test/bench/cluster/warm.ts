/** Warm requests through the installed gateways: their processor time beside nginx before the same pod, and a minute of a steady rate. */
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import autocannon from 'autocannon'
import { Agent } from 'undici'
import { API_VERSION, DEFAULT_PORT, LABEL } from '../../../api/names.ts'
import { loadOwnImage, SERVER } from '../../builders/own-image.ts'
import { functionOf, taking } from '../../e2e/manifests.ts'
import { NGINX, startNginx } from '../gateway/nginx.ts'
import { cpuUs } from '../process-cost.ts'
import { ms, percentile, type Row } from '../stats.ts'
import type { BenchCluster } from './bench-cluster.ts'
import { errorText } from '../../../lib/error-text.ts'

const ROUNDS = 4
const ROUND_S = 6
const CONNECTIONS = 32
const STEADY_S = 60
const STEADY_RATE = 1_000
const HANDLER_MS = 100
/** Most that may be on their way at once: five times what the rate and the handler's time make. */
const STEADY_CONNECTIONS = 500

/** Of this machine whose command has it: pods of a cluster on it are processes of it. */
export function processesOf(command: string): number[] {
  const isIt = (pid: number) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(command)
    } catch {
      return false
    }
  }
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && isIt(pid))
}

export const cpuOf = (pids: readonly number[]): number => pids.reduce((sum, pid) => sum + cpuUs(pid), 0)

async function cpuPerRequest(url: string, pids: readonly number[]): Promise<number> {
  const before = cpuOf(pids)
  const { requests, non2xx, errors } = await autocannon({
    ...{ url, method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } },
    ...{ connections: CONNECTIONS, duration: ROUND_S, workers: 1 },
  })
  if (non2xx + errors > 0) throw new Error(`${url}: ${non2xx} non-2xx, ${errors} errors`)
  return (cpuOf(pids) - before) / requests.total
}

/** An image function: nginx knows nothing of the 102 with which pods of Runtimes say that they have begun. */
export async function besideNginx(bed: BenchCluster): Promise<Row[]> {
  const tag = (await bed.runtimeImage()).split(':').at(-1) ?? ''
  const image = await loadOwnImage({ name: 'server', source: SERVER, tag })
  const spec = { image, signature: 'http', concurrency: 100, scaling: { min: 1, max: 1 } }
  await bed.deploy([{ apiVersion: API_VERSION, kind: 'Function', metadata: { name: 'warm' }, spec }])
  await bed.call('warm')
  const [pod] = await bed.pods({ [LABEL.function]: 'warm' })
  if (pod?.status?.podIP === undefined) throw new Error('expected one pod with an address')
  const nginx = await startNginx(`${pod.status.podIP}:${DEFAULT_PORT.data}`)
  if (nginx === undefined) {
    console.log(`skipped: there is no ${NGINX} (Debian: nginx-light)`)
    return []
  }
  try {
    const gateways = processesOf('/app/gateway.js')
    const ways = [
      { times: [] as number[], measure: () => cpuPerRequest(`${bed.functionsUrl}/warm`, gateways) },
      { times: [] as number[], measure: () => cpuPerRequest(`http://127.0.0.1:${nginx.port}/`, [nginx.pid]) },
    ]
    for (const { measure } of ways) await measure()
    for (let round = 0; round < ROUNDS; round += 1)
      for (const { times, measure } of round % 2 === 0 ? ways : ways.toReversed()) times.push(await measure())
    const [ours = NaN, theirs = NaN] = ways.map(({ times }) => percentile(times, 50))
    return [
      {
        what: `processor time of ${gateways.length} gateways per warm request, beside nginx before the same pod`,
        measured: `${ours.toFixed(0)} / ${theirs.toFixed(0)} µs = ${(ours / theirs).toFixed(2)}`,
        goal: '≤ 2',
        reached: ours / theirs <= 2,
      },
    ]
  } finally {
    await nginx.stop()
  }
}

/** Requests begin when they are due, whether or not the ones before have been answered. */
export async function steadyRate(bed: BenchCluster): Promise<Row[]> {
  await bed.deploy([functionOf('steady', taking(HANDLER_MS), { concurrency: 50, scaling: { min: 4, max: 10 } })])
  await bed.call('steady')
  await sleep(2_000)
  const { origin, pathname } = new URL(`${bed.functionsUrl}/steady`)
  const agent = new Agent({ connections: STEADY_CONNECTIONS, pipelining: 1 })
  const times: number[] = []
  const failures = new Map<string, number>()
  const fail = (what: string) => failures.set(what, (failures.get(what) ?? 0) + 1)
  const send = async (dueMs: number) => {
    try {
      const headers = { 'content-type': 'application/json' }
      const answer = await agent.request({ origin, path: pathname, method: 'POST', headers, body: '{}' })
      const text = await answer.body.text()
      if (answer.statusCode !== 200) fail(`${answer.statusCode} ${text.slice(0, 120)}`)
    } catch (error) {
      fail(errorText(error))
    }
    times.push(performance.now() - dueMs)
  }
  const startedAt = performance.now()
  const sent: Promise<void>[] = []
  while (sent.length < STEADY_S * STEADY_RATE) {
    const due = Math.min(STEADY_S * STEADY_RATE, ((performance.now() - startedAt) / 1_000) * STEADY_RATE)
    while (sent.length < due) sent.push(send(startedAt + (sent.length / STEADY_RATE) * 1_000))
    await sleep(1)
  }
  await Promise.all(sent)
  await agent.close()
  const failed = [...failures.values()].reduce((sum, count) => sum + count, 0)
  for (const [what, count] of failures) console.log(`${count} × ${what}`)
  const late = percentile(times, 95)
  return [
    {
      what: `${STEADY_RATE} requests/s for ${STEADY_S} s, a handler of ${HANDLER_MS} ms: p95 (p50 ${ms(percentile(times, 50))})`,
      measured: `${ms(late)}, ${failed} failed of ${times.length}`,
      goal: '≤ 110 ms, 0 failed',
      reached: late <= 110 && failed === 0,
    },
  ]
}
