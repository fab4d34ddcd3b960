/** Runs the bundle once as a pod — start, specialize, one call, end — so that V8's cache holds what those compile. */
import { spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'

const LIMIT_MS = 20_000
/** None ever checks a signature with it: the pod is specialized by its secret. */
const SOME_PUBLIC_KEY = 'MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo='

/** `command`: how record.cjs is started. Throws when the pod does not do what pods do. */
export async function recordCodeCache(command: readonly [string, ...string[]]): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'dormouse-record-'))
  const secret = randomBytes(32).toString('base64url')
  const child = startPod(command, directory)
  try {
    ;(child.stdio[4] as Writable).end(secret)
    const [line] = (await once(child.stdio[3] as Readable, 'data', { signal: AbortSignal.timeout(LIMIT_MS) })) as [
      Buffer,
    ]
    const { control, data } = JSON.parse(line.toString()) as { control: number; data: number }
    await post(`http://127.0.0.1:${control}/specialize`, { 'dormouse-secret': secret }, specialization())
    await post(`http://127.0.0.1:${data}/`, { 'dormouse-key': 'key', 'dormouse-request-id': 'record' }, {})
    child.kill('SIGTERM')
    const [code] = (await once(child, 'exit', { signal: AbortSignal.timeout(LIMIT_MS) })) as [number | null]
    if (code !== 0) throw new Error(`expected the recorded pod to end with 0, got ${code}`)
  } finally {
    child.kill('SIGKILL')
    rmSync(directory, { recursive: true, force: true })
  }
}

function startPod([program, ...args]: readonly [string, ...string[]], directory: string): ChildProcess {
  return spawn(program, args, {
    stdio: ['ignore', 'ignore', 'inherit', 'pipe', 'pipe'],
    env: {
      TMPDIR: directory,
      DORMOUSE_CONTROL_PORT: '0',
      DORMOUSE_DATA_PORT: '0',
      DORMOUSE_LISTEN_HOST: '127.0.0.1',
      DORMOUSE_READY_FD: '3',
      DORMOUSE_SECRET_FD: '4',
      DORMOUSE_PUBLIC_KEY: SOME_PUBLIC_KEY,
      DORMOUSE_POD_NAMESPACE: 'build',
      DORMOUSE_POD_NAME: 'build',
      DORMOUSE_POD_UID: 'build',
    },
  })
}

function specialization(): object {
  const files = { 'index.js': 'exports.handler = async (event) => event' }
  const code = { handler: 'index.handler', signature: 'event', files, env: {} }
  const owner = { namespace: 'build', name: 'build', uid: 'build' }
  const limits = { timeoutMs: LIMIT_MS, concurrency: 1, memoryMb: 128 }
  return {
    podUid: 'build',
    expiresAt: Date.now() + LIMIT_MS,
    function: owner,
    revision: '1',
    ...code,
    ...limits,
    dataKey: 'key',
  }
}

async function post(url: string, headers: Record<string, string>, body: object): Promise<void> {
  const signal = AbortSignal.timeout(LIMIT_MS)
  const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body), signal })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`expected 2xx of ${url} of the recorded pod, got ${answer.status}: ${text}`)
}
