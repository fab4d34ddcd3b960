/**
 * Writes to stdout and stderr at once and completely: a line is in the pipe before the next statement of user code runs, so a
 * blocked loop or a sudden end cannot swallow it. As with any blocking pipe, a reader that stops reading stops the writer.
 */
import { writeSync } from 'node:fs'

export type WriteBytes = (fd: number, bytes: Uint8Array) => number
export type FdWriter = (chunk: string | Uint8Array) => void

const pauseCell = new Int32Array(new SharedArrayBuffer(4))
const LONGEST_PAUSE_MS = 16

/** `EPIPE` and the like are ignored for good: without a reader there is nobody to tell. */
export function createFdWriter(fd: number, write: WriteBytes = writeSync): FdWriter {
  let isOpen = true
  return (chunk) => {
    let rest = typeof chunk === 'string' ? Buffer.from(chunk, 'utf8') : chunk
    let pauseMs = 1
    while (isOpen && rest.length > 0) {
      const written = attempt(fd, rest, write)
      if (written === 'closed') isOpen = false
      else if (written === 'full') pauseMs = pause(pauseMs)
      else rest = rest.subarray(written)
    }
  }
}

function attempt(fd: number, bytes: Uint8Array, write: WriteBytes): number | 'full' | 'closed' {
  try {
    return write(fd, bytes)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    return code === 'EAGAIN' || code === 'EINTR' ? 'full' : 'closed'
  }
}

function pause(pauseMs: number): number {
  Atomics.wait(pauseCell, 0, 0, pauseMs)
  return Math.min(pauseMs * 2, LONGEST_PAUSE_MS)
}
