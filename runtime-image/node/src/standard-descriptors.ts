/**
 * Descriptors 0, 1 and 2 stay open. One that user code closed would give its number to the next connection, and our log lines would
 * be written into somebody's answer.
 */
import type * as Fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'

const LAST = 2

/** Closing one of them succeeds without effect, as for process.stdout. */
export function keepStandardDescriptors(fs: typeof Fs): void {
  const { close, closeSync } = fs
  fs.closeSync = (fd) => {
    if (!isStandard(fd)) closeSync(fd)
  }
  const guarded = (fd: number, done?: Fs.NoParamCallback) => {
    if (!isStandard(fd)) close(fd, done)
    else if (done !== undefined) process.nextTick(done, null)
  }
  fs.close = Object.assign(guarded, { __promisify__: close.__promisify__ })
  syncBuiltinESMExports()
}

function isStandard(fd: unknown): boolean {
  return typeof fd === 'number' && fd >= 0 && fd <= LAST
}
