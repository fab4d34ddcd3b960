import type { OutputStream } from '../context.ts'

/**
 * Node writes to terminals on the thread that asks, and one that stands still (Ctrl-S, a stalled ssh) stands still with it: for a process that
 * serves others meanwhile. Returns the way back. `_handle` is node's own, there is no other way; without it all stays as it is.
 */
export function neverWait(stream: OutputStream): () => void {
  const { _handle: handle } = stream as { _handle?: { setBlocking?: (isBlocking: boolean) => unknown } }
  if (stream.isTTY !== true || handle?.setBlocking === undefined) return () => undefined
  handle.setBlocking(false)
  return () => {
    // What still waits for the terminal must not hold up the end.
    if (stream.writableLength === 0) handle.setBlocking?.(true)
  }
}
