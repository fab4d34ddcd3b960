/** Entry of the `dormouse` command: makes the context of the real process, turns every outcome into an exit code. */
import { addAbortSignal } from 'node:stream'
import { CommanderError } from 'commander'
import { CliError, ManifestError } from './cli-error.ts'
import type { CliContext } from './context.ts'
import { EXIT, type ExitCode } from './exit-codes.ts'
import { createProgram } from './program.ts'
import { READER_GONE } from './until-interrupted.ts'
import { errorText } from '../lib/error-text.ts'

const interrupted = new AbortController()

function createContext(): CliContext {
  return {
    cwd: process.cwd(),
    environment: process.env,
    stdout: process.stdout,
    stderr: process.stderr,
    readStdin,
    ...(process.stdin.isTTY && { ask }),
    signal: interrupted.signal,
    now: () => Date.now(),
  }
}

async function readStdin(): Promise<Buffer<ArrayBuffer>> {
  const chunks: Buffer[] = []
  try {
    const { signal } = interrupted
    for await (const chunk of addAbortSignal(signal, process.stdin) as AsyncIterable<Buffer>) chunks.push(chunk)
  } catch (error) {
    throw interrupted.signal.aborted ? new CliError(EXIT.interrupted, 'interrupted') : error
  }
  return Buffer.concat(chunks)
}

async function ask(question: string): Promise<string> {
  const { createInterface } = await import('node:readline/promises')
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return await terminal.question(question, { signal: interrupted.signal })
  } finally {
    terminal.close()
  }
}

/** One Ctrl-C can arrive twice: from the terminal, and forwarded by bin/dormouse.js. */
const SAME_INTERRUPT_MS = 300
let interruptedAtMs = 0

/** The first Ctrl-C asks politely, the second ends at once; pods die with us either way (local/kubelet/guardian.ts). */
function onInterrupt(): void {
  if (interrupted.signal.aborted && performance.now() - interruptedAtMs > SAME_INTERRUPT_MS)
    process.exit(EXIT.interrupted)
  if (!interrupted.signal.aborted) interruptedAtMs = performance.now()
  interrupted.abort()
}

function exitCodeOf(error: unknown, debug: boolean): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage
  const message = errorText(error)
  // Lines that begin with file:line:column are for editors as much as for people.
  process.stderr.write(error instanceof ManifestError ? `${message}\n` : `dormouse: ${message}\n`)
  if (debug && error instanceof Error) process.stderr.write(`${error.stack ?? ''}\n${causes(error)}`)
  return error instanceof CliError ? error.exitCode : EXIT.failure
}

function causes({ cause }: Error): string {
  return cause instanceof Error ? `caused by ${cause.stack ?? cause.message}\n${causes(cause)}` : ''
}

process.on('SIGINT', onInterrupt)
process.on('SIGTERM', onInterrupt)
process.on('SIGHUP', onInterrupt)
/** A reader that has enough (`dormouse logs | head`) is no failure, but the end of the work: a `dev` still stops cleanly. */
let exitCodeOfLostReader: ExitCode | undefined
process.stdout.on('error', ({ code, message }: NodeJS.ErrnoException) => {
  if (code !== 'EPIPE' && exitCodeOfLostReader === undefined)
    process.stderr.write(`dormouse: the output cannot be written: ${message}\n`)
  exitCodeOfLostReader = code === 'EPIPE' ? EXIT.ok : EXIT.failure
  process.exitCode = exitCodeOfLostReader
  interrupted.abort(READER_GONE)
})
// A terminal that was closed, just before its SIGHUP: there is nobody to tell any more.
process.stderr.on('error', () => undefined)

async function run(): Promise<void> {
  const program = createProgram(createContext())
  try {
    await program.parseAsync(process.argv)
  } catch (error) {
    process.exitCode = exitCodeOfLostReader ?? exitCodeOf(error, program.opts<{ debug?: boolean }>().debug === true)
    // What was interrupted may wait on, for an answer that never comes.
    if (interrupted.signal.aborted && interrupted.signal.reason !== READER_GONE) process.exit()
  }
}

void run()
