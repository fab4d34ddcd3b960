/**
 * One pod's process: own session (a Ctrl-C in the terminal must reach the platform, not the pods), own directory as its /tmp, own process
 * group that is killed as a whole, so that nothing user code forked survives its pod.
 * The stdin pipe is never written: its end tells the runtime that we died.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import type { Readable, Writable } from 'node:stream'
import type { LogStream } from '../logs/log-line.ts'
import type { Guardian } from './guardian.ts'
import { READY_FD, SECRET_FD, SOCKET_FDS } from './pod-environment.ts'
import { parsePorts, type PodPorts } from './pod-ports.ts'
import type { PodSockets } from './pod-sockets.ts'
import type { ProcessExit } from './pod-status.ts'

export interface PodProcessOptions {
  /** Program and arguments. */
  command: readonly string[]
  environment: Record<string, string | undefined>
  /** Made for the pod, removed with it; working directory and TMPDIR. */
  directory: string
  guardian: Guardian
  /** Handed on to the process; see pod-sockets.ts. */
  sockets?: PodSockets | undefined
  /** Handed to the process and to nobody else; see pod-secrets.ts. */
  secret: string
  output(stream: LogStream, chunk: Buffer): void
  /** Called at most once, when the runtime listens. */
  ready(ports: PodPorts): void
}

export interface PodProcess {
  /** Undefined when it could not be made. */
  readonly pid: number | undefined
  /** Settles once, when the process has ended, its output is read and its group is dead. */
  readonly exited: Promise<ProcessExit>
  /** SIGTERM now, SIGKILL to the whole group after `graceMs`; 0 = SIGKILL now. A later, shorter grace wins. */
  terminate(graceMs: number): void
}

/** How long output may lag behind the exit of a process whose children hold its pipes. */
const OUTPUT_DRAIN_MS = 200

/** Throws when the process cannot be made. */
export function startPodProcess(options: PodProcessOptions): PodProcess {
  const [program, ...args] = options.command
  if (program === undefined) throw new Error('the command is empty: expected a program and its arguments')
  mkdirSync(options.directory, { recursive: true, mode: 0o700 })
  const child = spawn(program, args, {
    cwd: options.directory,
    env: { ...options.environment, ...(options.sockets && SOCKET_FDS), TMPDIR: options.directory },
    stdio: ['pipe', 'pipe', 'pipe', 'pipe', 'pipe', ...inherited(options.sockets)],
    detached: true,
  })
  // A failed spawn has no pid; its reason comes as an event, which we turn into the pod's last words.
  child.on('error', (error) => options.output('stderr', Buffer.from(`${error.message}\n`)))
  if (child.pid !== undefined) options.guardian.watch(child.pid)
  child.stdin?.on('error', () => undefined)
  child.stdout?.on('data', (chunk: Buffer) => options.output('stdout', chunk))
  child.stderr?.on('data', (chunk: Buffer) => options.output('stderr', chunk))
  handOver(child.stdio[SECRET_FD] as Writable | null, options.secret)
  readPorts(child.stdio[READY_FD] as Readable | null, (ports) => options.ready(ports))
  return { pid: child.pid, exited: processEnd(child, options), terminate: terminator(child) }
}

/** In the order of SOCKET_FDS. */
function inherited(sockets: PodSockets | undefined): number[] {
  return sockets === undefined ? [] : [sockets.descriptors.control, sockets.descriptors.data]
}

function processEnd(child: ChildProcess, { guardian, directory }: PodProcessOptions): Promise<ProcessExit> {
  return new Promise((resolve) => {
    let settled = false
    const settle = (exit: ProcessExit) => {
      if (settled) return
      settled = true
      void rm(directory, { recursive: true, force: true, maxRetries: 2 }).finally(() => resolve(exit))
    }
    child.once('error', () => settle({ code: 127, signal: null }))
    child.once('exit', (code, signal) => {
      killGroup(child, 'SIGKILL')
      if (child.pid !== undefined) guardian.forget(child.pid)
      setTimeout(() => settle({ code, signal }), OUTPUT_DRAIN_MS).unref()
    })
    child.once('close', (code, signal) => settle({ code, signal }))
  })
}

function terminator(child: ChildProcess): (graceMs: number) => void {
  let killAtMs = Infinity
  let timer: NodeJS.Timeout | undefined
  child.once('exit', () => clearTimeout(timer))
  return (graceMs) => {
    if (child.exitCode !== null || child.signalCode !== null) return
    if (graceMs <= 0) return killGroup(child, 'SIGKILL')
    const at = performance.now() + graceMs
    if (killAtMs === Infinity) child.kill('SIGTERM')
    if (at >= killAtMs) return
    killAtMs = at
    clearTimeout(timer)
    timer = setTimeout(() => killGroup(child, 'SIGKILL'), graceMs)
  }
}

function killGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return
  try {
    process.kill(-child.pid, signal)
  } catch {
    // ESRCH: the group is already gone.
  }
}

/** The process waits for it. One that ends before it has read, or never reads, is no business of ours. */
function handOver(pipe: Writable | null, secret: string): void {
  pipe?.on('error', () => undefined)
  pipe?.end(secret)
}

/** One line of JSON; anything else is not from a runtime and leaves the pod unready. */
function readPorts(pipe: Readable | null, ready: (ports: PodPorts) => void): void {
  let text = ''
  pipe?.on('error', () => undefined)
  pipe?.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1')
    const end = text.indexOf('\n')
    if (end < 0 && text.length < 1024) return
    pipe.destroy()
    const ports = parsePorts(text.slice(0, end))
    if (ports !== undefined) ready(ports)
  })
}
