import type { OutputStream } from '../context.ts'

/**
 * Resolves when the reader has taken what is held for it, if that is more than it takes at once, or when `signal` aborts. What goes on for ever
 * must not gather in memory what a reader that stands still (`| less`) does not take.
 */
export function writeDrained(stream: OutputStream, text: string | Uint8Array, signal: AbortSignal): Promise<void> {
  const isFull = stream.write(text) === false
  return new Promise((resolve) => {
    if (!isFull || stream.once === undefined || signal.aborted) return resolve()
    const done = new AbortController()
    signal.addEventListener('abort', () => resolve(), { signal: done.signal })
    stream.once('drain', () => {
      done.abort()
      resolve()
    })
  })
}
