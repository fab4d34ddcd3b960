/** `npm run bench:many`: 20 functions woken at once with a pool of 3, and 100 requests at once on one sleeping function. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { buildRuntime, RUNTIME_EXEC_ARGV } from '../../runtime-image/node/build-runtime.ts'
import { get } from './bare-node.ts'
import { allReady, asleep, functionManifest, poolFull, startPlatformProcess } from './platform-process.ts'
import { ms, report } from './stats.ts'

const FUNCTIONS = 20
const POOL = 3
const ROUNDS = 3
const BURST = 100

/** Starts the runtime without a platform, `count` at once; milliseconds until all listen. */
async function bareRuntimesMs(count: number): Promise<number> {
  const main = await buildRuntime()
  const startedAt = performance.now()
  const children = Array.from({ length: count }, (_, index) =>
    spawn(process.execPath, [...RUNTIME_EXEC_ARGV, main], {
      stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
      env: {
        PATH: process.env['PATH'],
        DORMOUSE_CONTROL_PORT: '0',
        DORMOUSE_DATA_PORT: '0',
        DORMOUSE_LISTEN_HOST: '127.0.0.1',
        DORMOUSE_READY_FD: '3',
        DORMOUSE_POD_NAMESPACE: 'default',
        DORMOUSE_POD_NAME: `bare-${index}`,
        DORMOUSE_POD_UID: `bare-${index}`,
        DORMOUSE_POD_IP: '127.0.0.1',
        DORMOUSE_PUBLIC_KEY: 'MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=',
      },
    }),
  )
  await Promise.all(children.map((child) => once(child.stdio[3] as NodeJS.ReadableStream, 'data')))
  const elapsedMs = performance.now() - startedAt
  for (const child of children) child.kill('SIGKILL')
  await Promise.all(children.map((child) => once(child, 'close')))
  return elapsedMs
}

async function twentyAtOnce(): Promise<{ wakeMs: number; bareMs: number; failed: number }[]> {
  const platform = await startPlatformProcess({ pool: POOL })
  const names = Array.from({ length: FUNCTIONS }, (_, index) => `many-${index}`)
  try {
    await platform.apply(names.map((name) => functionManifest({ name, scaling: { idleAfter: '2s' } })))
    await allReady(platform, FUNCTIONS)
    const rounds = []
    for (let round = 0; round < ROUNDS; round++) {
      await asleep(platform)
      await poolFull(platform, POOL)
      const bareMs = await bareRuntimesMs(FUNCTIONS - POOL)
      const startedAt = performance.now()
      const answers = await Promise.all(names.map((name) => get(`${platform.urls.internal}/fn/default/${name}`)))
      const wakeMs = performance.now() - startedAt
      rounds.push({ wakeMs, bareMs, failed: answers.filter(({ status }) => status !== 200).length })
    }
    return rounds
  } finally {
    await platform.stop()
  }
}

async function burst(): Promise<{ pods: number; failed: number; elapsedMs: number }> {
  const platform = await startPlatformProcess({ pool: POOL })
  const code = `exports.handler = async () => { await new Promise((r) => setTimeout(r, 300)); return process.pid }`
  try {
    await platform.apply([functionManifest({ name: 'burst', code, concurrency: 10 })])
    await allReady(platform, 1)
    await asleep(platform)
    await poolFull(platform, POOL)
    const startedAt = performance.now()
    const url = `${platform.urls.internal}/fn/default/burst`
    const answers = await Promise.all(Array.from({ length: BURST }, () => get(url)))
    const elapsedMs = performance.now() - startedAt
    const pods = await platform.objects<{ metadata: { labels?: Record<string, string> } }>('pods')
    return {
      pods: pods.filter(({ metadata }) => metadata.labels?.['dormouse.dev/function'] === 'burst').length,
      failed: answers.filter(({ status }) => status !== 200).length,
      elapsedMs,
    }
  } finally {
    await platform.stop()
  }
}

const rounds = await twentyAtOnce()
const sorted = [...rounds].sort((a, b) => a.wakeMs / a.bareMs - b.wakeMs / b.bareMs)
const middle = sorted[Math.floor(sorted.length / 2)] ?? { wakeMs: Number.NaN, bareMs: Number.NaN }
const failed = rounds.reduce((sum, round) => sum + round.failed, 0)
const one = await burst()
report('Many at once', [
  {
    what: `${FUNCTIONS} functions at once, pool of ${POOL}, beside ${FUNCTIONS - POOL} bare runtimes (median ratio of ${ROUNDS})`,
    measured: `${ms(middle.wakeMs)} / ${ms(middle.bareMs)} = ${(middle.wakeMs / middle.bareMs).toFixed(2)}, ${failed} failed`,
    goal: '≤ 1.3 ×, 0 failed',
    reached: middle.wakeMs / middle.bareMs <= 1.3 && failed === 0,
  },
  {
    what: `${BURST} requests at once on a sleeping function, concurrency 10`,
    measured: `${one.pods} pods, ${one.failed} failed, ${ms(one.elapsedMs)}`,
    goal: '≤ 11 pods, 0 failed',
    reached: one.pods <= 11 && one.failed === 0,
  },
])
