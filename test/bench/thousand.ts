/** `npm run bench:thousand`: a controller that starts with 1,000 sleeping Functions: full sync, memory, writes at rest. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  allReady,
  asleep,
  functionManifest,
  startPlatformProcess,
  waitFor,
  type PlatformProcess,
} from './platform-process.ts'
import { ms, report } from './stats.ts'

const FUNCTIONS = 1_000
const REST_S = 20

/** Writes an object of no consequence and tells its resourceVersion: one counter counts the writes of all kinds. */
async function probeVersion(platform: PlatformProcess, label: string): Promise<number> {
  const metadata = { name: 'probe', labels: { probe: label } }
  await platform.apply([
    {
      apiVersion: 'dormouse.dev/v1alpha1',
      kind: 'Runtime',
      metadata,
      spec: { image: 'local/none', pool: { size: 0 } },
    },
  ])
  const runtimes = await platform.objects<{ metadata: { name: string; resourceVersion: string } }>('runtimes')
  return Number(runtimes.find((runtime) => runtime.metadata.name === 'probe')?.metadata.resourceVersion)
}

async function prepare(platform: PlatformProcess, appliedAt: number): Promise<number> {
  await platform.apply(Array.from({ length: FUNCTIONS }, (_, index) => functionManifest({ name: `fn-${index}` })))
  await allReady(platform, FUNCTIONS)
  const verifiedMs = performance.now() - appliedAt
  await asleep(platform)
  return verifiedMs
}

const stateDir = mkdtempSync(join(tmpdir(), 'dormouse-thousand-'))
try {
  // First life: create them, let the platform verify each once, sleep.
  const first = await startPlatformProcess({ pool: 3, stateDir })
  const appliedAt = performance.now()
  const verifiedMs = await prepare(first, appliedAt).finally(() => first.stop())

  // Second life: what is measured.
  const startedAt = performance.now()
  const platform = await startPlatformProcess({ pool: 3, stateDir })
  await waitFor('all functions in the gateway', async () => {
    const answer = await fetch(`${platform.urls.management}/api/v1/functions`)
    const { functions } = (await answer.json()) as { functions: unknown[] }
    return functions.length === FUNCTIONS
  })
  await allReady(platform, FUNCTIONS)
  const syncMs = performance.now() - startedAt
  await sleep(5_000)
  const before = await probeVersion(platform, '1')
  await sleep(REST_S * 1_000)
  const written = (await probeVersion(platform, '2')) - before - 1
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
      reached: written === 0,
    },
    { what: 'for information: apply, and load each once', measured: ms(verifiedMs), goal: '', reached: true },
  ])
} finally {
  rmSync(stateDir, { recursive: true, force: true })
}
