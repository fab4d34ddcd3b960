/** `npm run bench:cold-start`: wakes from the pool and without one, timed by a client outside, beside a bare node of the same run. */
import { setTimeout as sleep } from 'node:timers/promises'
import { bareNodeFirstAnswerMs, get } from './bare-node.ts'
import {
  allReady,
  asleep,
  functionManifest,
  poolFull,
  startPlatformProcess,
  type PlatformProcess,
} from './platform-process.ts'
import { ms, percentile, report } from './stats.ts'

const POOLED = 60
const DEDICATED = 20
const POOL = 3

const names = (count: number) => Array.from({ length: count }, (_, index) => `cold-${index}`)

async function prepare(platform: PlatformProcess, count: number): Promise<void> {
  await platform.apply(names(count).map((name) => functionManifest({ name, scaling: { idleAfter: '5s' } })))
  await allReady(platform, count)
  await asleep(platform)
}

/** Wall time of the first call of a sleeping function, over a new connection. */
async function wake(platform: PlatformProcess, name: string): Promise<number> {
  const startedAt = performance.now()
  const { status, body } = await get(`${platform.urls.internal}/fn/default/${name}`)
  if (status !== 200) throw new Error(`${name} answered ${status} ${body}`)
  return performance.now() - startedAt
}

async function pooled(): Promise<number[]> {
  const platform = await startPlatformProcess({ pool: POOL })
  try {
    await prepare(platform, POOLED)
    const times: number[] = []
    for (const name of names(POOLED)) {
      await poolFull(platform, POOL)
      await sleep(50)
      times.push(await wake(platform, name))
    }
    return times
  } finally {
    await platform.stop()
  }
}

async function dedicated(): Promise<{ wakes: number[]; bare: number[] }> {
  const platform = await startPlatformProcess({ pool: 0 })
  try {
    await prepare(platform, DEDICATED)
    const wakes: number[] = []
    const bare: number[] = []
    for (const name of names(DEDICATED)) {
      bare.push(await bareNodeFirstAnswerMs())
      await sleep(100)
      wakes.push(await wake(platform, name))
      await sleep(100)
    }
    return { wakes, bare }
  } finally {
    await platform.stop()
  }
}

const times = await pooled()
const { wakes, bare } = await dedicated()
const ratio = percentile(wakes, 50) / percentile(bare, 50)
report('Cold start', [
  {
    what: `from the pool, p50 of ${POOLED}`,
    measured: ms(percentile(times, 50)),
    goal: '≤ 20 ms',
    reached: percentile(times, 50) <= 20,
  },
  {
    what: `from the pool, p95 of ${POOLED}`,
    measured: ms(percentile(times, 95)),
    goal: '≤ 50 ms',
    reached: percentile(times, 95) <= 50,
  },
  {
    what: `without a pool, p50 of ${DEDICATED}, beside a bare node's first answer`,
    measured: `${ms(percentile(wakes, 50))} / ${ms(percentile(bare, 50))} = ${ratio.toFixed(2)}`,
    goal: '≤ 1.5 ×',
    reached: ratio <= 1.5,
  },
])
