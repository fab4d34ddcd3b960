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
}

/** Settles however it ends. */
export function runJest({ script, outputFile, args = [], environment = {} }: JestRun): Promise<Counts> {
  const command = ['run', '--silent', script, '--', '--json', `--outputFile=${outputFile}`, ...args]
  return new Promise((resolve) => {
    const env = { ...process.env, ...environment }
    const child = spawn('npm', command, { stdio: ['ignore', 'ignore', 'inherit'], env })
    child.on('close', (code) => {
      for (const line of tellSkips(outputFile)) console.log(line)
      resolve(readCounts(outputFile, code ?? 1))
    })
  })
}
