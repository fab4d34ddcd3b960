/** The platform as its users run it — `dormouse dev` in a process of its own — driven over its public faces only. */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually } from '../builders/eventually.ts'
import { memoryMb } from './process-cost.ts'

export interface PlatformProcess {
  pid: number
  urls: { public: string; internal: string; management: string }
  apply(manifests: object[]): Promise<void>
  objects<T = Record<string, unknown>>(plural: string): Promise<T[]>
  metric(name: string): Promise<number>
  residentMb(): number
  stop(): Promise<void>
}

interface Options {
  pool: number
  stateDir?: string
  /** A broker, `host:port`, for the events. */
  kafka?: string | undefined
}

const CLI = new URL('../../cli/main.ts', import.meta.url).pathname

export async function startPlatformProcess({ pool, stateDir, kafka }: Options): Promise<PlatformProcess> {
  const directory = stateDir ?? mkdtempSync(join(tmpdir(), 'dormouse-bench-'))
  const flags = [
    '--port',
    '0',
    '--internal-port',
    '0',
    '--management-port',
    '0',
    '--state-dir',
    directory,
    '--pool',
    `${pool}`,
    ...(kafka === undefined ? [] : ['--kafka', kafka]),
  ]
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', CLI, 'dev', ...flags], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const management = await waitFor('the platform to listen', () => {
    const owner = JSON.parse(readFileSync(join(directory, 'owner.json'), 'utf8')) as {
      pid: number
      managementUrl?: string
    }
    return owner.pid === child.pid ? owner.managementUrl : undefined
  })
  const instance = (await (await fetch(`${management}/api/v1/instance`)).json()) as Pick<PlatformProcess, 'urls'>
  return {
    pid: child.pid ?? 0,
    urls: instance.urls,
    apply: (manifests) => apply(management, manifests),
    objects: async <T>(plural: string) => {
      const answer = await fetch(`${management}/api/v1/objects/${plural}`)
      return ((await answer.json()) as { items: T[] }).items
    },
    metric: (name) => metric(management, name),
    residentMb: () => memoryMb(child.pid ?? 0, 'VmRSS'),
    async stop() {
      const ended = new Promise((resolve) => child.once('exit', resolve))
      child.kill('SIGTERM')
      await ended
      if (stateDir === undefined) rmSync(directory, { recursive: true, force: true })
    },
  }
}

async function apply(management: string, manifests: object[]): Promise<void> {
  const answer = await fetch(`${management}/api/v1/apply`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ manifests }),
  })
  const { results } = (await answer.json()) as { results: { name: string; outcome: string; message?: string }[] }
  const refused = results.find(({ outcome }) => outcome === 'refused')
  if (refused) throw new Error(`${refused.name}: ${refused.message}`)
}

/** Sum over all series of a metric. */
async function metric(management: string, name: string): Promise<number> {
  const text = await (await fetch(`${management}/metrics`)).text()
  const lines = text.split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0)
}

/** `eventually` for benchmarks: a thousand functions take a while, and polling costs what is measured. */
export function waitFor<T>(
  what: string,
  probe: Parameters<typeof eventually<T>>[1],
  { withinMs = 60_000, everyMs = 20 } = {},
): Promise<T> {
  return eventually(what, probe, { withinMs, everyMs })
}

export interface FunctionOptions {
  name: string
  code?: string
  signature?: 'event' | 'http'
  concurrency?: number
  scaling?: Record<string, unknown>
}

export const HELLO = `exports.handler = async () => ({ hello: 'world' })`

export function functionManifest({
  name,
  code = HELLO,
  signature = 'event',
  concurrency,
  scaling,
}: FunctionOptions): object {
  return {
    apiVersion: 'dormouse.dev/v1alpha1',
    kind: 'Function',
    metadata: { name },
    spec: {
      runtime: 'node',
      signature,
      code: { inline: { 'index.js': code } },
      ...(concurrency && { concurrency }),
      ...(scaling && { scaling }),
    },
  }
}

interface PodObject {
  metadata: { labels?: Record<string, string>; deletionTimestamp?: string }
  status?: { conditions?: { type: string; status: string }[] }
}

/** Settles when `size` generic pods are ready and nothing else runs: the machine is quiet and the pool full. */
export async function poolFull(platform: PlatformProcess, size: number): Promise<void> {
  await waitFor('a full pool', async () => {
    const pods = await platform.objects<PodObject>('pods')
    const generic = pods.filter((pod) => pod.metadata.labels?.['dormouse.dev/state'] === 'generic')
    return generic.filter(isReady).length >= size && generic.length === size
  })
}

/** Settles when every Function's condition says what was asked for. */
export async function allReady(platform: PlatformProcess, count: number): Promise<void> {
  interface Fn {
    status?: { conditions?: { type: string; status: string }[] }
  }
  await waitFor(
    `${count} functions to be ready`,
    async () => (await platform.objects<Fn>('functions')).filter(isReady).length >= count,
    {
      withinMs: 600_000,
      everyMs: 50,
    },
  )
}

/** Settles when no pod of any function is left. */
export async function asleep(platform: PlatformProcess): Promise<void> {
  await waitFor('all functions to sleep', async () => {
    const pods = await platform.objects<PodObject>('pods')
    return pods.every((pod) => pod.metadata.labels?.['dormouse.dev/state'] === 'generic')
  })
}

function isReady(object: { status?: { conditions?: { type: string; status: string }[] } }): boolean {
  return object.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false
}
