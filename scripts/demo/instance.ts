/**
 * `dormouse dev` as a child process on free ports and a throw-away state directory: what a user would start, seen from outside. Its events
 * are on a Kafka when it is told of one.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { createApiClient, type ApiClient } from '../../cli/client/api-client.ts'
import { findServer, DEFAULT_SERVER } from '../../cli/client/find-server.ts'

const COMMAND = fileURLToPath(new URL('../../bin/dormouse.js', import.meta.url))
const START_MS = 20_000
const STOP_MS = 15_000

export interface DemoInstance {
  client: ApiClient
  urls: { public: string; internal: string; management: string }
  /** Ends it as Ctrl-C would; throws when it does not end well. */
  stop(): Promise<void>
  /** For the case that nothing can be waited for any more. */
  kill(): void
}

export async function startInstance(kafka?: readonly string[]): Promise<DemoInstance> {
  const stateDir = mkdtempSync(join(tmpdir(), 'dormouse-demo-'))
  const ports = ['--port', '0', '--internal-port', '0', '--management-port', '0']
  const events = kafka === undefined ? [] : ['--kafka', kafka.join(',')]
  const child = spawn(process.execPath, [COMMAND, 'dev', '--state-dir', stateDir, ...ports, ...events], {
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  })
  let said = ''
  child.stderr?.on('data', (chunk: Buffer) => (said = (said + chunk.toString()).slice(-4000)))
  const kill = () => {
    child.kill('SIGKILL')
    rmSync(stateDir, { recursive: true, force: true })
  }
  try {
    const client = createApiClient(await serverOf(child, stateDir, () => said))
    const { urls } = await client.instance()
    return { client, urls, kill, stop: () => stop(child, stateDir, () => said) }
  } catch (error) {
    kill()
    throw error
  }
}

async function serverOf(child: ChildProcess, stateDir: string, said: () => string): Promise<string> {
  const until = performance.now() + START_MS
  while (performance.now() < until) {
    if (child.exitCode !== null) throw new Error(`dormouse dev ended with ${child.exitCode}: ${said().trim()}`)
    const server = findServer({ server: undefined, stateDir, cwd: '/' })
    if (server !== DEFAULT_SERVER) return server
    await delay(10)
  }
  throw new Error(`dormouse dev did not come up within ${START_MS / 1000} s: ${said().trim()}`)
}

async function stop(child: ChildProcess, stateDir: string, said: () => string): Promise<void> {
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve))
  child.kill('SIGINT')
  const code = await Promise.race([exited, delay(STOP_MS, 'late' as const, { ref: false })])
  if (code === 'late') child.kill('SIGKILL')
  rmSync(stateDir, { recursive: true, force: true })
  if (code !== 0) throw new Error(`dormouse dev ended with ${String(code)} instead of 0: ${said().trim()}`)
  if (existsSync(stateDir)) throw new Error(`${stateDir} could not be removed`)
}
