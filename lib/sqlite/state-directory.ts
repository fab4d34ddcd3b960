import { accessSync, closeSync, constants, mkdirSync, openSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { damaged, StoreError } from './store-error.ts'

/** Makes the directory, for its owner's eyes only: secrets are kept in it. Throws StoreError. */
export function prepareDirectory(dir: string): void {
  try {
    makeDirectory(dir)
    accessSync(dir, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (error) {
    throw refusalOf(dir, error)
  }
}

/** Not mkdir's own recursion: it never ends where a directory exists and takes none, as /proc does. */
function makeDirectory(dir: string): void {
  if (isDirectory(dir)) return
  if (dirname(dir) !== dir) makeDirectory(dirname(dir))
  try {
    mkdirSync(dir, { mode: 0o700 })
  } catch (error) {
    // Made meanwhile by another.
    if (!isDirectory(dir)) throw error
  }
}

/**
 * Makes the file, which SQLite would make readable for everybody. One that exists is not opened: closing it again would drop every lock
 * this process has on it (POSIX).
 */
export function prepareFile(path: string): void {
  try {
    const found = statSync(path, { throwIfNoEntry: false })
    if (!found) return closeSync(openSync(path, 'ax', 0o600))
    if (!found.isFile()) throw damaged(path, 'not a file')
    accessSync(path, constants.R_OK | constants.W_OK)
  } catch (error) {
    throw error instanceof StoreError ? error : refusalOf(path, error)
  }
}

function refusalOf(path: string, cause: unknown): StoreError {
  const { code } = cause as NodeJS.ErrnoException
  if (code === 'ENOTDIR' || (code === 'EEXIST' && !isDirectory(path))) {
    return new StoreError('NotADirectory', `${path} is not a directory: choose another state directory`, { cause })
  }
  const message = `${path} cannot be written (${String(code)}): give yourself permission or choose another state directory`
  return new StoreError('NotWritable', message, { cause })
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
}
