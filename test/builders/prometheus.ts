/** A real Prometheus for tests: Debian's package `prometheus` has it and promtool. Without them suites are reported as skipped, with the reason. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { holdFreePort } from '../../local/free-port.ts'
import { eventually } from './eventually.ts'

/** Why it cannot be used; undefined when it can. */
export function missing(program: 'prometheus' | 'promtool'): string | undefined {
  const { status } = spawnSync(program, ['--version'], { stdio: 'ignore' })
  return status === 0 ? undefined : `there is no ${program} in PATH: apt-get install prometheus`
}

export interface Sample {
  labels: Record<string, string>
  value: number
}

export interface Prometheus {
  /** An instant query; throws what Prometheus says when it is none. */
  query(expr: string): Promise<Sample[]>
  /** The same at every second of the last ones, all samples together: what a panel would draw. */
  drawn(expr: string, lastSeconds: number): Promise<Sample[]>
  /** `data` of its HTTP API: `rules`, `alerts`, `targets`. */
  get(path: string): Promise<unknown>
  stop(): Promise<void>
}

export interface PrometheusOptions {
  /** `host:port` of every process to scrape. */
  targets: readonly string[]
  /** Default 1 s. */
  scrapeInterval?: string
  ruleFiles?: readonly string[]
}

export async function startPrometheus(options: PrometheusOptions): Promise<Prometheus> {
  const directory = mkdtempSync(join(tmpdir(), 'dormouse-prometheus-'))
  const config = join(directory, 'prometheus.yml')
  writeFileSync(config, stringify(configOf(options)))
  const held = await holdFreePort('127.0.0.1')
  const url = `http://127.0.0.1:${held.port}`
  await held.release()
  const child = spawn(
    'prometheus',
    [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(directory, 'data')}`,
      `--web.listen-address=127.0.0.1:${held.port}`,
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => (said = (said + chunk.toString()).slice(-4_000)))
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM')
      await once(child, 'exit')
    }
    rmSync(directory, { recursive: true, force: true })
  }
  const get = async (path: string) => {
    const answer = await fetch(`${url}/api/v1/${path}`)
    const { status, data, error } = (await answer.json()) as { status: string; data: unknown; error?: string }
    if (status !== 'success') throw new Error(`Prometheus: ${error}`)
    return data
  }
  try {
    await eventually(
      'Prometheus is ready',
      async () => {
        if (child.exitCode !== null) throw new Error(said)
        return (await fetch(`${url}/-/ready`)).ok
      },
      { withinMs: 20_000, everyMs: 50 },
    )
  } catch (error) {
    await stop()
    throw error
  }
  return {
    get,
    stop,
    async drawn(expr, lastSeconds) {
      const end = Date.now() / 1_000
      const range = new URLSearchParams({ query: expr, start: String(end - lastSeconds), end: String(end), step: '1' })
      const { result } = (await get(`query_range?${range.toString()}`)) as RangeResult
      return result.flatMap(({ metric, values }) =>
        values.map(([, value]) => ({ labels: metric, value: Number(value) })),
      )
    },
    async query(expr) {
      const { resultType, result } = (await get(`query?query=${encodeURIComponent(expr)}`)) as QueryResult
      if (resultType !== 'vector') throw new Error(`expected a vector of ${expr}, got a ${resultType}`)
      return result.map(({ metric, value: [, value] }) => ({ labels: metric, value: Number(value) }))
    },
  }
}

interface RangeResult {
  result: { metric: Record<string, string>; values: [number, string][] }[]
}

interface QueryResult {
  resultType: string
  result: { metric: Record<string, string>; value: [number, string] }[]
}

function configOf({ targets, scrapeInterval = '1s', ruleFiles = [] }: PrometheusOptions): object {
  return {
    global: { scrape_interval: scrapeInterval, scrape_timeout: scrapeInterval, evaluation_interval: scrapeInterval },
    rule_files: ruleFiles,
    scrape_configs: [{ job_name: 'dormouse', static_configs: [{ targets }] }],
  }
}
