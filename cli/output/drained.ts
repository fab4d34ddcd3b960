import type { OutputStream } from '../context.ts'

/**
 * After a `write` that was false: resolves when the reader has taken what is held for it, or when `signal` aborts. What goes on for ever must
 * not gather in memory what a reader that stands still (`| less`) does not take.
 */
export function drained(stream: OutputStream, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (stream.once === undefined || signal.aborted) return resolve()
    const done = new AbortController()
    signal.addEventListener('abort', () => resolve(), { signal: done.signal })
    stream.once('drain', () => {
      done.abort()
      resolve()
    })
  })
}
