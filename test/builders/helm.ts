/**
 * The chart as Helm renders it: `describeWithHelm` for suites, `render` for what it makes, `refusal` for what it says instead. Helm is the one
 * in PATH or the one that `make cluster` builds.
 */
import { spawn } from 'node:child_process'
import { accessSync, constants, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe } from '@jest/globals'
import { parseAllDocuments } from 'yaml'

export const CHART = fileURLToPath(new URL('../../charts/dormouse', import.meta.url))

export type Values = Record<string, unknown>

export interface Rendering {
  release?: string
  namespace?: string
  values?: Values
  /** As if the cluster had these APIs too: `monitoring.coreos.com/v1`. */
  apiVersions?: readonly string[]
}

/** What tests look at; everything else is there too. */
export interface Rendered {
  apiVersion: string
  kind: string
  metadata: {
    name: string
    namespace?: string
    labels: Record<string, string>
    annotations?: Record<string, string>
  }
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- tests read any kind's fields and fail where one is missing
  [field: string]: any
}

export interface Output {
  code: number
  stdout: string
  stderr: string
}

export interface Helm {
  run(...args: string[]): Promise<Output>
  /** Throws what Helm says when it refuses. */
  render(rendering?: Rendering): Promise<Rendered[]>
  /** What Helm says when it refuses; throws when it does not. */
  refusal(rendering: Rendering): Promise<string>
}

function findHelm(): string | undefined {
  const { PATH = '', LC_BIN, XDG_CACHE_HOME = join(homedir(), '.cache') } = process.env
  const folders = [...PATH.split(delimiter), LC_BIN ?? join(XDG_CACHE_HOME, 'dormouse/cluster/bin')]
  return folders.map((folder) => join(folder, 'helm')).find(isExecutable)
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** As `describe`, where there is a Helm; else the suite is skipped and its title says why. */
export function describeWithHelm(title: string, suite: (helm: Helm) => void): void {
  const path = findHelm()
  if (path !== undefined) return describe(title, () => suite(helmAt(path)))
  const reason = 'there is no helm in PATH, nor where `make cluster` builds one'
  // The suite only registers tests that are not run.
  describe.skip(`${title} [skipped: ${reason}]`, () => suite(helmAt('helm')))
}

export function helmAt(path: string): Helm {
  const run = (...args: string[]) => output(path, args)
  const template = async ({
    release = 'dormouse',
    namespace = 'dormouse-system',
    values,
    apiVersions = [],
  }: Rendering) =>
    withValues(values, (file) =>
      run(
        'template',
        release,
        CHART,
        ...['--namespace', namespace, '--values', file],
        ...apiVersions.flatMap((version) => ['--api-versions', version]),
      ),
    )
  return {
    run,
    async render(rendering = {}) {
      const { code, stdout, stderr } = await template(rendering)
      if (code !== 0) throw new Error(stderr)
      return parseAllDocuments(stdout)
        .map((document) => document.toJS({ maxAliasCount: -1 }) as Rendered | null)
        .filter((object) => object !== null)
    },
    async refusal(rendering) {
      const { code, stderr } = await template(rendering)
      if (code === 0) throw new Error(`expected a refusal of ${JSON.stringify(rendering.values)}, got a rendering`)
      return stderr
    },
  }
}

async function withValues<T>(values: Values | undefined, use: (file: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'chart-'))
  try {
    const file = join(folder, 'values.yaml')
    // JSON is YAML.
    writeFileSync(file, JSON.stringify(values ?? {}))
    return await use(file)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function output(command: string, args: readonly string[]): Promise<Output> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    let [stdout, stderr] = ['', '']
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
    child.on('error', reject)
    child.on('close', (code) => resolve({ code: code ?? 1, stdout, stderr }))
  })
}
