/** kubectl, as the users of the cluster have it. */
import { spawn, type ChildProcess } from 'node:child_process'
import { run, type Ended } from '../../scripts/e2e/run.ts'
import { e2e } from './environment.ts'

export interface KubectlOptions {
  input?: string
  timeoutMs?: number
}

const LIMIT_MS = 60_000

const environment = (): NodeJS.ProcessEnv => ({ ...process.env, KUBECONFIG: e2e().kubeconfig })

/** Settles however it ends. */
export function tryKubectl(
  args: readonly string[],
  { timeoutMs = LIMIT_MS, ...rest }: KubectlOptions = {},
): Promise<Ended> {
  return run(['kubectl', ...args], { ...rest, timeoutMs, env: environment() })
}

/** Its standard output; throws what it said. */
export async function kubectl(args: readonly string[], options: KubectlOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await tryKubectl(args, options)
  if (code !== 0) throw new Error(`kubectl ${args.join(' ')} ended with ${code}: ${stderr.trim()}`)
  return stdout
}

/** `get … -o json`, parsed. */
export async function kubectlJson<T>(args: readonly string[]): Promise<T> {
  return JSON.parse(await kubectl([...args, '-o', 'json'])) as T
}

/** One that goes on until its caller ends it, as `get --watch` does. */
export function startKubectl(args: readonly string[]): ChildProcess {
  return spawn('kubectl', args, { env: environment(), stdio: ['ignore', 'pipe', 'pipe'] })
}

/** Of several objects in one `apply`. */
export function asList(manifests: readonly object[]): string {
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items: manifests })
}
