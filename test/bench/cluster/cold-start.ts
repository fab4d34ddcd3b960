/** Wakes one by one: from the pool, and of functions that need pods of their own, beside bare pods; and where the time goes. */
import { setTimeout as sleep } from 'node:timers/promises'
import { SECRETS } from '../../../kube/objects.ts'
import { functionOf, saying } from '../../e2e/manifests.ts'
import { ms, percentile, type Row } from '../stats.ts'
import { barePodsMs } from './bare-pods.ts'
import type { BenchCluster } from './bench-cluster.ts'
import { PhaseTimes } from './phase-times.ts'

const POOLED = 30
const DEDICATED = 12
const POOL = 3
const FUNCTIONS = 6
/** After the pool is full again: kubelet and garbage collectors are busy a little longer. */
const QUIET_MS = 400
const SCALING = { idleAfter: '1s' }

async function wakes(
  bed: BenchCluster,
  names: readonly string[],
  { count, before, waiting = POOL }: Wakes,
): Promise<number[]> {
  const times: number[] = []
  for (let done = 0; done < count; done += 1) {
    const name = names[done % names.length] ?? ''
    await bed.rested(waiting)
    await before?.()
    await sleep(QUIET_MS)
    const { status, text, tookMs } = await bed.call(name)
    if (status !== 200) throw new Error(`${name} answered ${status} ${text}`)
    times.push(tookMs)
  }
  return times
}

interface Wakes {
  count: number
  /** Pods of all pools. */
  waiting?: number
  before?: () => Promise<void>
}

export async function coldStarts(bed: BenchCluster): Promise<Row[]> {
  const names = Array.from({ length: FUNCTIONS }, (_, index) => `pooled-${index}`)
  const own = Array.from({ length: FUNCTIONS }, (_, index) => `own-${index}`)
  await bed.api.create(SECRETS, {
    ...{ apiVersion: 'v1', kind: 'Secret', metadata: { namespace: bed.namespace, name: 'known' } },
    data: { word: 'eA==' },
  })
  const env = [{ name: 'WORD', valueFrom: { secretKeyRef: { name: 'known', key: 'word' } } }]
  await bed.deploy([
    ...names.map((name) => functionOf(name, saying(name), { scaling: SCALING })),
    ...own.map((name) => functionOf(name, saying(name), { scaling: SCALING, env })),
  ])
  const pooledPhases = await PhaseTimes.open(bed)
  const pooled = await wakes(bed, names, { count: POOLED })
  await pooledPhases.print('from the pool')
  const bare: number[] = []
  const before = async () => void bare.push(...(await barePodsMs(bed, 1)))
  const ownPhases = await PhaseTimes.open(bed)
  const dedicated = await wakes(bed, own, { count: DEDICATED, before })
  await ownPhases.print('pods of their own')
  const large = names.map((name) => `large-${name}`)
  const resources = { limits: { memory: '512Mi' } }
  await bed.deploy(large.map((name) => functionOf(name, saying(name), { scaling: SCALING, resources })))
  const largeWakes = await wakes(bed, large, { count: DEDICATED, waiting: POOL + 1 })
  return rows({ pooled, dedicated, bare, large: largeWakes })
}

type Times = Record<'pooled' | 'dedicated' | 'bare' | 'large', readonly number[]>

function rows({ pooled, dedicated, bare, large }: Times): Row[] {
  const middle = percentile(pooled, 50)
  const late = percentile(pooled, 95)
  const own = percentile(dedicated, 50)
  const floor = percentile(bare, 50)
  const heavy = percentile(large, 50)
  const all = (times: readonly number[]) => times.map((time) => time.toFixed(0)).join(' ')
  console.log(`pooled ${all(pooled)}\nown pods ${all(dedicated)}\nbare pods ${all(bare)}\nwith 512Mi ${all(large)}`)
  return [
    { what: `from the pool, p50 of ${POOLED}`, measured: ms(middle), goal: '≤ 20 ms', reached: middle <= 20 },
    { what: `from the pool, p95 of ${POOLED}`, measured: ms(late), goal: '≤ 50 ms', reached: late <= 50 },
    {
      what: `pod of its own (a secret), p50 of ${DEDICATED}, beside bare pods`,
      measured: `${ms(own)} / ${ms(floor)} = ${(own / floor).toFixed(2)}`,
      goal: '≤ 400 ms',
      reached: own <= 400,
    },
    {
      what: `with 512Mi, from the pool of that size, p50 of ${DEDICATED}`,
      measured: ms(heavy),
      goal: '≤ 20 ms',
      reached: heavy <= 20,
    },
  ]
}
