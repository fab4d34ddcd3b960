import { constants, openSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { Socket } from 'node:net'
import { buffer } from 'node:stream/consumers'

/**
 * A file, or a named pipe as it comes: opened as a file it holds the process until somebody writes, and no Ctrl-C ends that. Rejects with
 * what the system says.
 */
export async function readWhole(path: string): Promise<Buffer<ArrayBuffer>> {
  if (!(await stat(path)).isFIFO()) return readFile(path)
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  return buffer(new Socket({ fd, readable: true, writable: false }))
}
