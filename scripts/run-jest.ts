/** One run of jest by a script of package.json, where its options are: what was skipped is told with its reasons, the rest jest says itself. */
import { spawn } from 'node:child_process'
import { readCounts, tellSkips, type Counts } from './jest-counts.ts'

export interface JestRun {
  script: string
  /** Where its results go. */
  outputFile: string
  args?: readonly string[]
  /** Beside this process's own. */
  environment?: Record<string, string>
  /** Aborted with a signal's name: jest gets it, too. */
  signal?: AbortSignal
}

/** Settles however it ends. */
export function runJest({ script, outputFile, args = [], environment = {}, signal }: JestRun): Promise<Counts> {
  const command = ['run', '--silent', script, '--', '--json', `--outputFile=${outputFile}`, ...args]
  return new Promise((resolve) => {
    const env = { ...process.env, ...environment }
    const child = spawn('npm', command, { stdio: ['ignore', 'ignore', 'inherit'], env })
    const end = () => child.kill(signal?.reason as NodeJS.Signals)
    signal?.addEventListener('abort', end, { once: true })
    child.on('close', (code) => {
      signal?.removeEventListener('abort', end)
      for (const line of tellSkips(outputFile)) console.log(line)
      resolve(readCounts(outputFile, code ?? 1))
    })
  })
}
