/** Wakes together: 10 functions with a pool of 3 beside 7 bare pods, 25 with a pool of 10, and long requests whose pods are deleted. */
import { setTimeout as sleep } from 'node:timers/promises'
import { LABEL } from '../../../api/names.ts'
import { PODS } from '../../../kube/objects.ts'
import { functionOf, saying, taking } from '../../e2e/manifests.ts'
import { ms, percentile, type Row } from '../stats.ts'
import { barePodsMs } from './bare-pods.ts'
import type { BenchCluster } from './bench-cluster.ts'

const ROUNDS = 3
const QUIET_MS = 1_000
const LONG_MS = 12_000
const LONG_CALLS = 6
const STAGGER_MS = 1_000
/** Long enough that the first do not end while the last begin. */
const SCALING = { idleAfter: '10s' }
const DEPLOY_MS = 240_000

const namesOf = (count: number): string[] => Array.from({ length: count }, (_, index) => `many-${index}`)

interface Round {
  /** Sorted. */
  times: number[]
  failed: number
}

async function together(bed: BenchCluster, names: readonly string[], pool: number): Promise<Round> {
  await bed.rested(pool)
  await sleep(QUIET_MS)
  const answers = await Promise.all(names.map((name) => bed.call(name)))
  const failed = answers.filter(({ status }) => status !== 200).length
  return { times: answers.map(({ tookMs }) => tookMs).sort((a, b) => a - b), failed }
}

export async function tenTogether(bed: BenchCluster): Promise<Row[]> {
  const names = namesOf(10)
  await bed.deploy(
    names.map((name) => functionOf(name, saying(name), { scaling: SCALING })),
    DEPLOY_MS,
  )
  const rounds: (Round & { bareMs: number })[] = []
  for (let round = 0; round < ROUNDS; round += 1) {
    await bed.rested(3)
    await sleep(QUIET_MS)
    const bareMs = Math.max(...(await barePodsMs(bed, 7)))
    const woken = await together(bed, names, 3)
    console.log(`10: ${woken.times.map((time) => time.toFixed(0)).join(' ')}, 7 bare ${bareMs.toFixed(0)}`)
    rounds.push({ ...woken, bareMs })
  }
  const middle = (of: (round: (typeof rounds)[number]) => number) => percentile(rounds.map(of), 50)
  const pooled = middle(({ times }) => times[2] ?? NaN)
  const ratio = middle(({ times, bareMs }) => (times.at(-1) ?? NaN) / bareMs)
  const all = `${ms(middle(({ times }) => times.at(-1) ?? NaN))} / ${ms(middle(({ bareMs }) => bareMs))}`
  const failed = rounds.reduce((sum, round) => sum + round.failed, 0)
  return [
    {
      what: `10 functions together, pool of 3: the third answer (median of ${ROUNDS})`,
      measured: ms(pooled),
      goal: '≤ 60 ms',
      reached: pooled <= 60,
    },
    {
      what: '10 functions together: the last answer, beside the last of 7 bare pods',
      measured: `${all} = ${ratio.toFixed(2)}, ${failed} failed`,
      goal: '≤ 1.3 ×, 0 failed',
      reached: ratio <= 1.3 && failed === 0,
    },
  ]
}

export async function twentyFiveTogether(bed: BenchCluster): Promise<Row[]> {
  const names = namesOf(25)
  await bed.setPool(10)
  try {
    await bed.deploy(
      names.map((name) => functionOf(name, saying(name), { scaling: SCALING })),
      DEPLOY_MS,
    )
    const { times, failed } = await together(bed, names, 10)
    console.log(`25: ${times.map((time) => time.toFixed(0)).join(' ')}`)
    const late = percentile(times, 95)
    return [
      {
        what: '25 functions together, pool of 10, p95',
        measured: `${ms(late)}, ${failed} failed`,
        goal: '≤ 2.5 s, 0 failed',
        reached: late <= 2_500 && failed === 0,
      },
    ]
  } finally {
    await bed.setPool(3)
  }
}

/** Each is on its way when its pod is told to end. */
export async function longRequests(bed: BenchCluster): Promise<Row[]> {
  await bed.deploy([functionOf('long', taking(LONG_MS), { timeout: '30s' })])
  const calls: ReturnType<BenchCluster['call']>[] = []
  for (let sent = 0; sent < LONG_CALLS; sent += 1) {
    calls.push(bed.call('long'))
    await sleep(STAGGER_MS)
  }
  await sleep(STAGGER_MS)
  const pods = await bed.pods({ [LABEL.function]: 'long' })
  const { namespace } = bed
  await Promise.all(pods.map(({ metadata: { name } }) => bed.api.delete(PODS, { namespace, name })))
  const statuses = (await Promise.all(calls)).map(({ status }) => status)
  return [
    {
      what: `${LONG_CALLS} requests of 12 s, ${pods.length} pods deleted meanwhile`,
      measured: statuses.join(' '),
      goal: 'all 200',
      reached: statuses.every((status) => status === 200) && pods.length >= LONG_CALLS,
    },
  ]
}
