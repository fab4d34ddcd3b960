/** `npm run bench:nothing-fails`: requests that fail while 200 revisions roll out, while pods are killed idle, and while a function shrinks. */
import { readFileSync, readdirSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { startLoad, type LoadResult } from './load.ts'
import { allReady, functionManifest, startPlatformProcess, waitFor, type PlatformProcess } from './platform-process.ts'
import { ms, percentile, report, type Row } from './stats.ts'

const REVISIONS = 200
const KILLS = 100

const revision = (number: number) =>
  functionManifest({
    name: 'steady',
    code: `exports.handler = async () => ({ revision: ${number} })`,
    concurrency: 4,
    scaling: { min: 2, max: 8 },
  })

interface Fn {
  metadata: { generation: number }
  status?: { observedGeneration?: number; conditions?: { type: string; status: string }[] }
}

async function rolledOut(platform: PlatformProcess): Promise<void> {
  await waitFor('the revision to serve', async () => {
    const [fn] = await platform.objects<Fn>('functions')
    const is = (type: string) => fn?.status?.conditions?.some((c) => c.type === type && c.status === 'True')
    return fn?.status?.observedGeneration === fn?.metadata.generation && is('RolledOut')
  })
}

async function rollouts(platform: PlatformProcess): Promise<LoadResult & { perRolloutMs: number }> {
  const load = startLoad({ url: `${platform.urls.internal}/fn/default/steady`, clients: 4, method: 'POST', body: '{}' })
  const startedAt = performance.now()
  for (let number = 1; number <= REVISIONS; number++) {
    await platform.apply([revision(number)])
    await rolledOut(platform)
  }
  const perRolloutMs = (performance.now() - startedAt) / REVISIONS
  return { ...(await load.stop()), perRolloutMs }
}

interface PodObject {
  metadata: { uid: string; name: string; labels?: Record<string, string>; deletionTimestamp?: string }
}

/** Process ids of runtime processes that are children of the platform, oldest first. */
function runtimePids(platformPid: number): number[] {
  const isRuntime = (pid: number) => {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
      const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
      return parent === platformPid && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('runtime-node')
    } catch {
      return false
    }
  }
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && isRuntime(pid))
}

/** The pod a runtime process is. */
const podUid = (pid: number) => /DORMOUSE_POD_UID=([^\0]+)/.exec(readFileSync(`/proc/${pid}/environ`, 'utf8'))?.[1]

/** Ends the process if its pod runs nothing; it stands still meanwhile, so that nothing begins between the look and the kill. */
async function killIfIdle(platform: PlatformProcess, pid: number): Promise<boolean> {
  process.kill(pid, 'SIGSTOP')
  const answer = await fetch(`${platform.urls.management}/api/v1/functions/default/steady`)
  const { pods } = (await answer.json()) as { pods: { uid: string; inFlight: number }[] }
  const uid = podUid(pid)
  const isBusy = pods.some((pod) => pod.uid === uid && pod.inFlight > 0)
  process.kill(pid, isBusy ? 'SIGCONT' : 'SIGKILL')
  return !isBusy
}

/** Kills idle pods one by one, serving and waiting ones, under load that would go to any of them next. */
async function kills(platform: PlatformProcess): Promise<LoadResult & { killed: number }> {
  const code = `exports.handler = async () => 1`
  await platform.apply([functionManifest({ name: 'steady', code, concurrency: 1, scaling: { min: 6, max: 8 } })])
  await rolledOut(platform)
  const url = `${platform.urls.internal}/fn/default/steady`
  const load = startLoad({ url, clients: 4, method: 'POST', body: '{}', pauseMs: () => Math.random() * 10 })
  let killed = 0
  while (killed < KILLS) {
    const pids = runtimePids(platform.pid)
    const pid = pids[Math.floor(Math.random() * pids.length)]
    if (pid !== undefined && pids.length >= 6 && (await killIfIdle(platform, pid))) killed += 1
    await sleep(100)
  }
  return { ...(await load.stop()), killed }
}

async function scaleDown(platform: PlatformProcess): Promise<LoadResult & { from: number; to: number }> {
  const code = `exports.handler = async () => { await new Promise((r) => setTimeout(r, 20)); return 1 }`
  await platform.apply([
    functionManifest({ name: 'wide', code, concurrency: 1, scaling: { max: 10, idleAfter: '1s' } }),
  ])
  const url = `${platform.urls.internal}/fn/default/wide`
  const peak = startLoad({ url, clients: 8, method: 'POST', body: '{}' })
  const podCount = async () =>
    (await platform.objects<PodObject>('pods')).filter(
      (pod) => pod.metadata.labels?.['dormouse.dev/function'] === 'wide' && !pod.metadata.deletionTimestamp,
    ).length
  await waitFor('eight pods', async () => (await podCount()) >= 8)
  const from = await podCount()
  const failuresAtPeak = await peak.stop()
  const low = startLoad({ url, clients: 1, method: 'POST', body: '{}' })
  await waitFor('two pods or fewer', async () => (await podCount()) <= 2, { withinMs: 120_000, everyMs: 250 })
  const to = await podCount()
  const result = await low.stop()
  for (const [what, count] of failuresAtPeak.failures)
    result.failures.set(what, (result.failures.get(what) ?? 0) + count)
  return { ...result, requests: result.requests + failuresAtPeak.requests, from, to }
}

function row(what: string, { requests, failures, latenciesMs }: LoadResult): Row {
  const failed = [...failures.values()].reduce((sum, count) => sum + count, 0)
  const examples = [...failures.entries()].slice(0, 3).map(([kind, count]) => `${count} × ${kind}`)
  const detail = failed === 0 ? '' : ` (${examples.join('; ')})`
  const measured = `${failed} of ${requests} failed${detail}, p99 ${ms(percentile(latenciesMs, 99))}`
  return { what, measured, goal: '0 failed', reached: failed === 0 && requests > 0 }
}

const platform = await startPlatformProcess({ pool: 3 })
try {
  await platform.apply([revision(0)])
  await allReady(platform, 1)
  const rolled = await rollouts(platform)
  const killed = await kills(platform)
  const shrunk = await scaleDown(platform)
  report('Nothing fails', [
    row(`${REVISIONS} revisions rolled out under load, ${ms(rolled.perRolloutMs)} each`, rolled),
    row(`${killed.killed} idle pods killed under load`, killed),
    row(`scale-down from ${shrunk.from} to ${shrunk.to} pods under load`, shrunk),
  ])
} finally {
  await platform.stop()
}
