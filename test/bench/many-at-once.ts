/** `npm run bench:many`: 20 functions woken at once with a pool of 3, and 100 requests at once on one sleeping function. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import type { Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { READY_FD, SECRET_FD, SOCKET_FDS } from '../../local/kubelet/pod-environment.ts'
import { openPodSockets, type PodSockets } from '../../local/kubelet/pod-sockets.ts'
import { buildRuntime, RUNTIME_EXEC_ARGV } from '../../runtime-image/node/build-runtime.ts'
import { get } from './bare-node.ts'
import { allReady, asleep, functionManifest, poolFull, startPlatformProcess } from './platform-process.ts'
import { ms, percentile, report } from './stats.ts'

const FUNCTIONS = 20
const POOL = 3
const ROUNDS = Number(process.argv[2] ?? 5)
const BURST = 100

/**
 * The yardstick: `count` processes of the runtime at once, each started as a pod's is (same command, inherited sockets, secret), until each
 * has said that it listens and has answered one request. No platform, no specialization, no function: what this machine needs at least.
 */
async function bareRuntimesMs(count: number): Promise<{ listenMs: number; answerMs: number }> {
  const main = await buildRuntime()
  const sockets = await Promise.all(Array.from({ length: count }, () => openPodSockets('127.0.0.1')))
  const startedAt = performance.now()
  const children = sockets.map((own, index) => startBare(main, own, index))
  let listenMs = 0
  const answered = children.map(async (child, index) => {
    await once(child.stdio[READY_FD] as NodeJS.ReadableStream, 'data')
    listenMs = performance.now() - startedAt
    await get(`http://127.0.0.1:${sockets[index]?.ports.control}/healthz`)
  })
  await Promise.all(answered)
  const answerMs = performance.now() - startedAt
  for (const child of children) child.kill('SIGKILL')
  await Promise.all(children.map((child) => once(child, 'close')))
  return { listenMs, answerMs }
}

function startBare(main: string, sockets: PodSockets | undefined, index: number): ChildProcess {
  if (sockets === undefined) throw new Error('sockets cannot be inherited on this system')
  const { control, data } = sockets.descriptors
  const child = spawn(process.execPath, [...RUNTIME_EXEC_ARGV, main], {
    stdio: ['ignore', 'ignore', 'inherit', 'pipe', 'pipe', control, data],
    env: {
      PATH: process.env['PATH'],
      ...SOCKET_FDS,
      DORMOUSE_CONTROL_PORT: '0',
      DORMOUSE_DATA_PORT: '0',
      DORMOUSE_LISTEN_HOST: '127.0.0.1',
      DORMOUSE_READY_FD: String(READY_FD),
      DORMOUSE_SECRET_FD: String(SECRET_FD),
      DORMOUSE_POD_NAMESPACE: 'default',
      DORMOUSE_POD_NAME: `bare-${index}`,
      DORMOUSE_POD_UID: `bare-${index}`,
      DORMOUSE_POD_IP: '127.0.0.1',
      DORMOUSE_PUBLIC_KEY: 'MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=',
    },
  })
  sockets.release()
  ;(child.stdio[SECRET_FD] as Writable).end('x'.repeat(43))
  return child
}

interface Round {
  wakeMs: number
  listenMs: number
  answerMs: number
  failed: number
}

async function twentyAtOnce(): Promise<Round[]> {
  const platform = await startPlatformProcess({ pool: POOL })
  const names = Array.from({ length: FUNCTIONS }, (_, index) => `many-${index}`)
  try {
    await platform.apply(names.map((name) => functionManifest({ name, scaling: { idleAfter: '2s' } })))
    await allReady(platform, FUNCTIONS)
    const rounds = []
    for (let round = 0; round < ROUNDS; round++) {
      await asleep(platform)
      await poolFull(platform, POOL)
      const bare = await bareRuntimesMs(FUNCTIONS - POOL)
      // Their ends, too, take the processor.
      await sleep(500)
      const startedAt = performance.now()
      const answers = await Promise.all(names.map((name) => get(`${platform.urls.internal}/fn/default/${name}`)))
      const wakeMs = performance.now() - startedAt
      rounds.push({ ...bare, wakeMs, failed: answers.filter(({ status }) => status !== 200).length })
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
const by = (yardstick: 'listenMs' | 'answerMs') =>
  percentile(
    rounds.map((round) => round.wakeMs / round[yardstick]),
    50,
  )
const middle = (what: keyof Round) =>
  ms(
    percentile(
      rounds.map((round) => round[what]),
      50,
    ),
  )
const failed = rounds.reduce((sum, round) => sum + round.failed, 0)
console.log(rounds.map((round) => `${Math.round(round.wakeMs)}/${Math.round(round.answerMs)}`).join('  '))
const one = await burst()
report('Many at once', [
  {
    what: `${FUNCTIONS} functions at once, pool of ${POOL}, beside ${FUNCTIONS - POOL} bare runtimes until each answers (medians of ${ROUNDS})`,
    measured: `${middle('wakeMs')} / ${middle('answerMs')} = ${by('answerMs').toFixed(2)}, ${failed} failed`,
    goal: '≤ 1.3 ×, 0 failed',
    reached: by('answerMs') <= 1.3 && failed === 0,
  },
  {
    what: 'the same beside bare runtimes until each listens',
    measured: `${middle('listenMs')}: ${by('listenMs').toFixed(2)}`,
    goal: 'for comparison',
    reached: true,
  },
  {
    what: `${BURST} requests at once on a sleeping function, concurrency 10`,
    measured: `${one.pods} pods, ${one.failed} failed, ${ms(one.elapsedMs)}`,
    goal: '≤ 11 pods, 0 failed',
    reached: one.pods <= 11 && one.failed === 0,
  },
])
