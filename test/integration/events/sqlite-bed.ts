/** A directory with an event log in it, processes that use it, and listeners: for the sqlite-*.test.ts. */
import { afterEach, beforeEach } from '@jest/globals'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { NewRecord } from '../../../events/event-log.ts'
import {
  openSqliteEventLog,
  type SqliteEventLog,
  type SqliteEventLogOptions,
} from '../../../events/sqlite/sqlite-event-log.ts'
import { silentLogger } from '../../../lib/logger.ts'

const PROCESS = join(import.meta.dirname, 'sqlite-process.ts')

export const newRecord = (value: string | Buffer, part: Partial<NewRecord> = {}): NewRecord => ({
  ...{ topic: 'orders', key: null, value: Buffer.from(value), headers: [] },
  ...part,
})

export interface SqliteBed {
  readonly path: string
  /** Closed after the test. */
  open(options?: Partial<SqliteEventLogOptions>): SqliteEventLog
  /** Killed after the test. */
  run(mode: 'hold' | 'write' | 'outgrow', limits?: { fileKib: number }): Running
}

export interface Running {
  /** What it says next. */
  next(): Promise<Record<string, unknown>>
  /** Everything it said and nobody has taken, once it is dead by SIGKILL. */
  kill(): Promise<Record<string, unknown>[]>
}

/** Call at the top of a file: a directory per test. */
export function useSqliteBed(): SqliteBed {
  let directory: string
  const logs: SqliteEventLog[] = []
  const children: ChildProcess[] = []
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'dormouse-sqlite-'))
  })
  afterEach(async () => {
    await Promise.all(logs.splice(0).map((log) => log.close()))
    await Promise.all(children.splice(0).map(kill))
    rmSync(directory, { recursive: true, force: true })
  })
  const bed: SqliteBed = {
    get path() {
      return join(directory, 'events.db')
    },
    open: (options = {}) => {
      const log = openSqliteEventLog({ path: bed.path, logger: silentLogger, ...options })
      logs.push(log)
      return log
    },
    run: (mode, limits) => {
      const node = [process.execPath, '--disable-warning=ExperimentalWarning', PROCESS, mode, bed.path]
      const limited = ['sh', '-c', `ulimit -f ${(limits?.fileKib ?? 0) * 2}; exec "$@"`, 'sh', ...node]
      const [command = '', ...args] = limits === undefined ? node : limited
      const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] })
      children.push(child)
      return runningOf(child)
    },
  }
  return bed
}

function runningOf(child: ChildProcess): Running {
  const lines = createInterface({ input: child.stdout! })
  const said: Record<string, unknown>[] = []
  const ended = once(lines, 'close')
  let heard: () => void = () => undefined
  lines.on('line', (line) => {
    // A kill may cut the last one.
    if (line.endsWith('}')) said.push(JSON.parse(line) as Record<string, unknown>)
    heard()
  })
  return {
    next: async () => {
      while (said.length === 0) {
        const isOver = await Promise.race([
          ended,
          new Promise<undefined>((resolve) => (heard = () => resolve(undefined))),
        ])
        if (isOver !== undefined && said.length === 0) throw new Error('the process ended and said nothing')
      }
      return said.shift()!
    },
    kill: async () => {
      await kill(child)
      await ended
      return said.splice(0)
    },
  }
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}
