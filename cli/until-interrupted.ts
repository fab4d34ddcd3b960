/** Ctrl-C for what waits for somebody else's answer: a server that is silent must not hold a command until its time is up. */
import { setTimeout as delay } from 'node:timers/promises'
import { CliError } from './cli-error.ts'
import { EXIT } from './exit-codes.ts'

/** Who has something better to say about the interruption says it within this. */
const LAST_WORDS_MS = 300

/** Why `signal` aborts when nobody reads what is written any more: that ends what goes on for ever, and cuts nothing short that has effects. */
export const READER_GONE = Symbol('nobody reads the output any more')

/** What `work` comes to. Throws CliError (interrupted) when `signal` aborts before and `work` goes on: the process has to be ended then. */
export async function untilInterrupted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const settled = new AbortController()
  try {
    return await Promise.race([work, interruption(evenUnread(signal), settled.signal)])
  } finally {
    settled.abort()
  }
}

/** The same signal for work with effects: it does not abort because a reader is gone. */
export function evenUnread(signal: AbortSignal): AbortSignal {
  const interrupted = new AbortController()
  const pass = () => {
    if (signal.reason !== READER_GONE) interrupted.abort(signal.reason)
  }
  if (signal.aborted) pass()
  else signal.addEventListener('abort', pass, { once: true })
  return interrupted.signal
}

async function interruption(interrupted: AbortSignal, settled: AbortSignal): Promise<never> {
  await new Promise<void>((resolve) => {
    if (interrupted.aborted) return resolve()
    interrupted.addEventListener('abort', () => resolve(), { once: true, signal: settled })
  })
  await delay(LAST_WORDS_MS)
  throw new CliError(EXIT.interrupted, 'interrupted')
}
