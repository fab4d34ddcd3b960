/** `npm run bench:thousand`: a controller that starts with 1,000 sleeping Functions: full sync, memory, writes at rest. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { allReady, asleep, functionManifest, startPlatformProcess, waitFor } from './platform-process.ts'
import { ms, report } from './stats.ts'

const FUNCTIONS = 1_000
const REST_S = 20

interface Fn {
  metadata: { resourceVersion: string }
}

const stateDir = mkdtempSync(join(tmpdir(), 'dormouse-thousand-'))
try {
  // First life: create them, let the platform verify each once, sleep.
  const first = await startPlatformProcess({ pool: 3, stateDir })
  const manifests = Array.from({ length: FUNCTIONS }, (_, index) => functionManifest({ name: `fn-${index}` }))
  const appliedAt = performance.now()
  await first.apply(manifests)
  await allReady(first, FUNCTIONS)
  const verifiedMs = performance.now() - appliedAt
  await asleep(first)
  await first.stop()

  // Second life: what is measured.
  const startedAt = performance.now()
  const platform = await startPlatformProcess({ pool: 3, stateDir })
  interface Listed {
    pods: number
  }
  await waitFor('all functions in the gateway', async () => {
    const answer = await fetch(`${platform.urls.management}/api/v1/functions`)
    const list = (await answer.json()) as { items?: Listed[] } | Listed[]
    return (Array.isArray(list) ? list : (list.items ?? [])).length === FUNCTIONS
  })
  await allReady(platform, FUNCTIONS)
  const syncMs = performance.now() - startedAt
  await sleep(5_000)
  const versions = async () =>
    (await platform.objects<Fn>('functions')).map(({ metadata }) => metadata.resourceVersion).join()
  const writes = () => platform.metric('dormouse_local_cluster_writes_total')
  const before = { versions: await versions(), writes: await writes() }
  await sleep(REST_S * 1_000)
  const unchanged = (await versions()) === before.versions
  const written = (await writes()) - before.writes
  const residentMb = platform.residentMb()
  await platform.stop()
  report('A thousand sleeping functions', [
    { what: 'full sync, from exec', measured: ms(syncMs), goal: '≤ 10 s', reached: syncMs <= 10_000 },
    {
      what: 'resident memory of the platform process',
      measured: `${residentMb.toFixed(0)} MB`,
      goal: '≤ 250 MB',
      reached: residentMb <= 250,
    },
    {
      what: `writes within ${REST_S} s of rest`,
      measured: `${written}`,
      goal: '0',
      reached: unchanged && written === 0,
    },
    { what: 'for information: apply, and load each once', measured: ms(verifiedMs), goal: '', reached: true },
  ])
} finally {
  rmSync(stateDir, { recursive: true, force: true })
}
