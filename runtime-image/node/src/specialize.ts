/** From a claimed pod to a function that answers: files, environment, watchdog, load. */
import { enableCompileCache } from 'node:module'
import { tmpdir } from 'node:os'
import { clearTimeout, monotonicMs, nowMs, setTimeout } from './clock.ts'
import { writeCodeDir } from './code-dir.ts'
import { lambdaEnvironment } from './context.ts'
import { platformError, type ErrorObject } from './error-object.ts'
import { InvokeStore, type Running } from './invoke-store.ts'
import { loadFailure } from './load-failure.ts'
import { loadHandler, LoadError, type UserFunction } from './load-handler.ts'
import type { Logs } from './logs.ts'
import { applyNodeSettings } from './node-settings.ts'
import type { Pod } from './pod.ts'
import { awslambda } from './response-stream.ts'
import type { Specialization } from './specialization.ts'
import { keepStandardDescriptors } from './standard-descriptors.ts'
import { openStandardPaths } from './standard-paths.ts'
import { followStandardWrites } from './standard-writes.ts'
import type { Watchdog } from './watchdog.ts'
import { WatchdogBoard } from './watchdog-board.ts'

/**
 * Above the function's memory, as V8 collects late on a machine with memory to spare. In a container its own limit comes first;
 * this one is for processes that have none.
 */
const MEMORY_FACTOR = 2
const MEMORY_SLACK_MB = 64

export interface SpecializePorts {
  pod: Pod
  watchdog: Watchdog
  logs: Logs
  /** The invocation whose code asks. */
  running: () => Running | undefined
  podName: string
  codeParent: string | undefined
  compileCache: string | undefined
  initTimeoutMs: number
  process: NodeJS.Process
  /** Remembers the directory for removal at exit. */
  onCodeDir: (dir: string) => void
}

export type Specialized = { kind: 'loaded'; initMs: number } | { kind: 'failed'; error: ErrorObject }

/** `fd`: the socket on which the watchdog may answer if the load blocks the loop. `pod` must be claimed. */
export async function specialize(claim: Specialization, fd: number, ports: SpecializePorts): Promise<Specialized> {
  const { pod } = ports
  const codeDir = writeCodeDir(ports.codeParent ?? tmpdir(), claim)
  ports.onCodeDir(codeDir)
  prepareProcess(claim, codeDir, ports)
  const board = guard(claim, fd, ports)
  const startedAt = monotonicMs()
  try {
    const user = await withTimeout(loadHandler(codeDir, claim.handler, claim.signature), ports.initTimeoutMs)
    const initMs = monotonicMs() - startedAt
    checkSignature(user, claim)
    pod.become({ user, codeDir, initMs })
    return { kind: 'loaded', initMs }
  } catch (error) {
    return { kind: 'failed', error: await loadFailure(error, codeDir, Object.keys(claim.files)) }
  } finally {
    board.clear(0)
  }
}

/** What user code finds when it loads. */
function prepareProcess(claim: Specialization, codeDir: string, ports: SpecializePorts): void {
  const { process } = ports
  Object.assign(process.env, claim.env, lambdaEnvironment(claim, ports.podName, codeDir))
  process.chdir(codeDir)
  Object.assign(globalThis, { awslambda: { ...awslambda, InvokeStore: new InvokeStore(ports.running) } })
  ports.logs.capture(console, process)
  const fs = process.getBuiltinModule('node:fs')
  followStandardWrites(fs, () => ports.logs.tail)
  openStandardPaths(fs)
  keepStandardDescriptors(fs)
  if (ports.compileCache !== undefined) enableCompileCache(ports.compileCache)
  applyNodeSettings(claim.env, { warn: (message) => ports.logs.log('WARN', message) })
}

function guard(claim: Specialization, fd: number, ports: SpecializePorts): WatchdogBoard {
  const board = new WatchdogBoard(claim.concurrency)
  ports.pod.board = board
  board.postPlatform({ id: 'init', deadlineMs: nowMs() + ports.initTimeoutMs, fd })
  ports.watchdog.watch({
    memory: board.memory,
    timeoutMs: claim.timeoutMs,
    initTimeoutMs: ports.initTimeoutMs,
    anonymousLimitMb: claim.memoryMb * MEMORY_FACTOR + MEMORY_SLACK_MB,
  })
  return board
}

function withTimeout(load: Promise<UserFunction>, timeoutMs: number): Promise<UserFunction> {
  const { promise, resolve, reject } = Promise.withResolvers<UserFunction>()
  const message = `Loading the code did not finish within ${(timeoutMs / 1000).toFixed(2)} seconds`
  const timer = setTimeout(() => reject(new LoadError(platformError('Sandbox.Timedout', message))), timeoutMs)
  load.then(resolve, reject).finally(() => clearTimeout(timer))
  return promise
}

/** Only `http` functions may be servers or be called without knowing their body. */
function checkSignature(user: UserFunction, claim: Specialization): void {
  if (user.kind !== 'function' || claim.signature === 'event' || !user.isStreaming) return
  const message = `${claim.handler} is a streaming handler: its signature must be event, got ${claim.signature}`
  throw new LoadError(platformError('Runtime.HandlerNotFound', message))
}
