/**
 * Ctrl-C, or the system's wish that we end: whoever asks here is not ended by it the first time, so that what was begun can be cleaned up, and
 * ends with the exit code that shells know. The second time it is as ever.
 */
const CODES = { SIGINT: 130, SIGTERM: 143 } as const
type Wish = keyof typeof CODES

export interface Interruption {
  /** Aborted with the signal's name as its reason. */
  readonly signal: AbortSignal
  /** Undefined until it comes. */
  exitCode(): number | undefined
}

export function watchInterruption(): Interruption {
  const controller = new AbortController()
  for (const name of Object.keys(CODES) as Wish[]) process.once(name, () => controller.abort(name))
  const { signal } = controller
  return { signal, exitCode: () => (signal.aborted ? CODES[signal.reason as Wish] : undefined) }
}
