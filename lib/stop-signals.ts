/** The end of a process that is told to end, and of one that cannot begin. */
import { Ending } from './ending.ts'
import type { Logger } from './logger.ts'
import { errorText } from './error-text.ts'

export interface StopOptions {
  /** The process's name in its log. */
  part: string
  logger: Logger
  /** Longest time from the signal to the end: below what whoever sent it waits before SIGKILL. */
  deadlineMs: number
  stop: (ending: Ending) => Promise<unknown>
}

/** Whoever is done has nothing open any more; what is forgotten would keep the process for ever. */
const LINGER_MS = 1_000

/**
 * At the first SIGTERM or SIGINT `stop` is called; the process ends when it is done, at the deadline, or at a second signal, and says what was
 * unfinished. The exit code is 1 when something was, or did not end cleanly.
 */
export function stopOnSignal({ part, logger, deadlineMs, stop }: StopOptions): void {
  const ending = new Ending({ logger })
  let isStopping = false
  const endNow = (why: string) => {
    const unfinished = ending.unfinished.join(', ') || 'nothing that has a name'
    logger.error(`${part} ends ${why}; unfinished: ${unfinished}`)
    process.exit(1)
  }
  const onSignal = (signal: string) => {
    if (isStopping) return endNow(`at once, as it was told a second time (${signal})`)
    isStopping = true
    logger.info(`${part} drains`, { signal })
    setTimeout(() => endNow(`as it was not done ${deadlineMs} ms after it was told to end`), deadlineMs).unref()
    stop(ending)
      .catch((error: unknown) => {
        logger.error(`${part} did not stop cleanly`, { error })
        process.exitCode = 1
      })
      .finally(() => endSoon({ part, logger, ending }))
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)
}

function endSoon({ part, logger, ending }: Pick<StopOptions, 'part' | 'logger'> & { ending: Ending }): void {
  if (ending.hasFailed) process.exitCode = 1
  setTimeout(() => {
    const open = [...ending.unfinished, ...process.getActiveResourcesInfo()].join(', ')
    logger.warn(`${part} has stopped and would not end by itself; still open: ${open}`)
    process.exit()
  }, LINGER_MS).unref()
}

/** Ends the process with 1 and one sentence. */
export function endForGood(part: string, error: unknown): never {
  process.stderr.write(`${part}: ${errorText(error)}\n`)
  process.exit(1)
}
