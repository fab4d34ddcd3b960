/**
 * What user code prints. `console.*` becomes one line per record with the id of the invocation it came from, told by the async
 * context, so that eighty at once stay apart. What is written to process.stdout or process.stderr itself passes byte for byte
 * (structured loggers depend on it) and only joins the invocation's tail.
 */
import type { AsyncLocalStorage } from 'node:async_hooks'
import { format, inspect, type InspectOptions } from 'node:util'
import type { FdWriter } from './fd-writer.ts'
import { NO_REQUEST, userLine, type LogLevel } from './log-format.ts'
import { NEWLINE, type LogTail } from './log-tail.ts'
import { StandardStream } from './standard-stream.ts'

export interface LogScope {
  readonly id: string
  readonly tail: LogTail | undefined
}

export interface LogsPorts {
  scope: AsyncLocalStorage<LogScope>
  stdout: FdWriter
  stderr: FdWriter
  now: () => Date
}

export class Logs {
  private readonly ports: LogsPorts
  /** User code left its last line on stdout unfinished. */
  private isMidLine = false

  constructor(ports: LogsPorts) {
    this.ports = ports
  }

  /** A record of the running invocation, or of `scope` when the platform speaks on its behalf. */
  log(level: LogLevel, message: string, scope = this.ports.scope.getStore()): void {
    this.platform(userLine({ time: this.ports.now(), requestId: scope?.id ?? NO_REQUEST, level, message }), scope)
  }

  /** Complete lines as they are, which begin on one of their own. */
  platform(lines: string, scope: LogScope | undefined): void {
    scope?.tail?.appendLines(lines)
    this.ports.stdout(this.isMidLine ? `\n${lines}` : lines)
    this.isMidLine = false
  }

  /** Of the running invocation, if its caller asked for one. */
  get tail(): LogTail | undefined {
    return this.ports.scope.getStore()?.tail
  }

  /** Takes over `console`, process.stdout and process.stderr. Streams are made when first touched: most code never does. */
  capture(console: Console, process: NodeJS.Process): void {
    const levels = { debug: 'DEBUG', info: 'INFO', log: 'INFO', dirxml: 'INFO', warn: 'WARN', error: 'ERROR' } as const
    for (const [method, level] of Object.entries(levels) as [keyof typeof levels, LogLevel][]) {
      console[method] = (...args: unknown[]) => this.log(level, format(...args))
    }
    // Lambda's, which Node has not.
    Object.assign(console, { fatal: (...args: unknown[]) => this.log('FATAL', format(...args)) })
    const trace = (...args: unknown[]) => this.log('TRACE', traceMessage(format(...args), trace))
    console.trace = trace
    console.dir = (value: unknown, options?: InspectOptions) =>
      this.log('INFO', inspect(value, { customInspect: false, ...options }))
    defineLazily(process, 'stdout', () => this.stream(1, this.ports.stdout))
    defineLazily(process, 'stderr', () => this.stream(2, this.ports.stderr))
  }

  private stream(fd: number, write: FdWriter): StandardStream {
    return new StandardStream(fd, (bytes) => {
      this.tail?.append(bytes)
      if (fd === 1 && bytes.length > 0) this.isMidLine = bytes.at(-1) !== NEWLINE
      write(bytes)
    })
  }
}

function traceMessage(message: string, caller: (...args: unknown[]) => void): string {
  const holder = { name: 'Trace', message, stack: '' }
  Error.captureStackTrace(holder, caller)
  return holder.stack.replace(/^.*/, message === '' ? 'Trace' : `Trace: ${message}`)
}

function defineLazily(target: object, name: string, create: () => unknown): void {
  let value: unknown
  Object.defineProperty(target, name, { configurable: true, enumerable: true, get: () => (value ??= create()) })
}
