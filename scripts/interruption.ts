/**
 * Ctrl-C, or the system's wish that we end: whoever asks here is not ended by it the first time, so that what was begun can be cleaned up, and
 * ends with the exit code that shells know. The second time it is as ever; what comes in the same moment is the first: terminals tell all of a
 * group, and npm passes it on once more.
 */
const CODES = { SIGINT: 130, SIGTERM: 143 } as const
type Wish = keyof typeof CODES
/** Nobody presses keys as fast. */
const SAME_MS = 500

export interface Interruption {
  /** Aborted with the signal's name as its reason. */
  readonly signal: AbortSignal
  /** Undefined until it comes. */
  exitCode(): number | undefined
}

export function watchInterruption(): Interruption {
  const controller = new AbortController()
  let firstMs: number | undefined
  const onWish = (name: Wish) => {
    firstMs ??= performance.now()
    controller.abort(name)
    if (performance.now() - firstMs < SAME_MS) return
    process.removeListener(name, onWish)
    process.kill(process.pid, name)
  }
  for (const name of Object.keys(CODES) as Wish[]) process.on(name, onWish)
  const { signal } = controller
  return { signal, exitCode: () => (signal.aborted ? CODES[signal.reason as Wish] : undefined) }
}
