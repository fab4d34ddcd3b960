/**
 * Looks at a state file before anything may write to it. SQLite itself repairs and forgets: opened for writing it copies its log over
 * damaged pages, and it drops a log that it cannot read. So everything is read first, through a connection that cannot write.
 */
import { closeSync, openSync, readSync, statSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { damaged, StoreError } from './store-error.ts'

/** What tells a file of ours, and which of them, from any other program's database. */
export interface FileIdentity {
  applicationId: number
  schemaVersion: number
}

/** A predecessor may be on its way out. */
export const LOCK_WAIT_MS = 250

/** First four bytes of a log: the last bit tells the byte order of its checksums. */
const LOG_MAGIC = 0x377f0682
const LOG_HEADER_BYTES = 32

/** `new`: nothing was ever stored. Throws StoreError, or SQLite's own error when the file is locked or cannot be read. */
export function inspect(path: string, identity: FileIdentity): 'new' | 'ours' {
  checkLog(path)
  if (statSync(path).size === 0) return 'new'
  const database = new DatabaseSync(path, { readOnly: true, timeout: LOCK_WAIT_MS })
  try {
    if (isBlank(database)) return 'new'
    checkOrigin(database, path, identity)
    checkPages(database, path)
    return 'ours'
  } finally {
    database.close()
  }
}

function checkLog(path: string): void {
  const log = `${path}-wal`
  const sizeBytes = statSync(log, { throwIfNoEntry: false })?.size ?? 0
  if (sizeBytes < LOG_HEADER_BYTES) return
  if (statSync(path).size === 0) throw damaged(path, `it is empty, but its log ${log} is not`)
  // Every log begins with the magic number, synced, before anything follows.
  if ((firstWord(log) & ~1) !== LOG_MAGIC) throw damaged(log, 'not a log of SQLite')
}

function firstWord(path: string): number {
  const file = openSync(path, 'r')
  try {
    const bytes = Buffer.alloc(4)
    readSync(file, bytes)
    return bytes.readUInt32BE()
  } finally {
    closeSync(file)
  }
}

function isBlank(database: DatabaseSync): boolean {
  const tables = database.prepare('SELECT count(*) AS number FROM sqlite_schema').get()?.['number']
  return tables === 0 && pragma(database, 'application_id') === 0 && pragma(database, 'user_version') === 0
}

function checkOrigin(database: DatabaseSync, path: string, { applicationId, schemaVersion }: FileIdentity): void {
  if (pragma(database, 'application_id') !== applicationId) {
    throw new StoreError('WrongVersion', `${path} is another program's database: choose another state directory`)
  }
  const version = pragma(database, 'user_version')
  if (version === schemaVersion) return
  throw new StoreError(
    'WrongVersion',
    `${path} has schema version ${String(version)}, expected ${schemaVersion}: use the Dormouse that wrote it, or another state directory`,
  )
}

function checkPages(database: DatabaseSync, path: string): void {
  const verdict = String(pragma(database, 'quick_check(1)'))
  if (verdict !== 'ok') throw damaged(path, verdict.split('\n').at(-1) ?? verdict)
}

function pragma(database: DatabaseSync, name: string): unknown {
  return Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {})[0]
}
