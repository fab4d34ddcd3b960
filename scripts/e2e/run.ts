/** Programs that the end-to-end run uses: what they say goes to the terminal, or comes back as text. */
import { spawn } from 'node:child_process'

export interface Ended {
  code: number
  stdout: string
  stderr: string
}

export interface RunOptions {
  env?: NodeJS.ProcessEnv
  input?: string
  /** SIGKILL then. */
  timeoutMs?: number
  /** Errors go to the terminal as they come, and `stderr` stays empty. */
  tellErrors?: boolean
}

/** Settles when it has ended, however it did. */
export function run([program, ...args]: readonly [string, ...string[]], options: RunOptions = {}): Promise<Ended> {
  const { env = process.env, input, timeoutMs = 600_000, tellErrors = false } = options
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      env,
      stdio: ['pipe', 'pipe', tellErrors ? 'inherit' : 'pipe'],
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
    })
    const said = { stdout: '', stderr: '' }
    child.stdout?.on('data', (chunk: Buffer) => (said.stdout += chunk.toString()))
    child.stderr?.on('data', (chunk: Buffer) => (said.stderr += chunk.toString()))
    child.on('error', (error) => resolve({ code: 127, stdout: said.stdout, stderr: `${said.stderr}${error.message}` }))
    child.on('close', (code, signal) => {
      if (signal !== null) said.stderr += `${program} was ended by ${signal} (limit: ${timeoutMs / 1000} s)`
      resolve({ code: code ?? 1, ...said })
    })
    child.stdin?.on('error', () => undefined)
    child.stdin?.end(input ?? '')
  })
}

/** Its standard output. Throws one line of what it did, and what it said. */
export async function must(command: readonly [string, ...string[]], options: RunOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await run(command, options)
  if (code === 0) return stdout
  throw new Error(`${command.join(' ')} ended with ${code}: ${(stderr || stdout).trim()}`)
}
