/** The end of a process that is told to end, and of one that cannot begin. */
import type { Logger } from './logger.ts'

/** At the first SIGTERM or SIGINT; a stop that fails is told and makes the exit code 1. `part` is the process's name in its log. */
export function stopOnSignal(part: string, logger: Logger, stop: () => Promise<unknown>): void {
  let stopping = false
  const onSignal = (signal: string) => {
    if (stopping) return
    stopping = true
    logger.info(`${part} drains`, { signal })
    stop().catch((error: unknown) => {
      logger.error(`${part} did not stop cleanly`, { error })
      process.exitCode = 1
    })
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)
}

/** Ends the process with 1 and one sentence. */
export function endForGood(part: string, error: unknown): never {
  process.stderr.write(`${part}: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exit(1)
}
