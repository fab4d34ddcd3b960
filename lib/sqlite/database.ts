/** The one place that opens SQLite files: each belongs to one process at a time, and one that is damaged or not ours is left as it is. */
import { DatabaseSync } from 'node:sqlite'
import { inspect, LOCK_WAIT_MS, type FileIdentity } from './inspection.ts'
import { isBusy, translateSqlite, type StoreError } from './store-error.ts'

export type { DatabaseSync as Database, StatementSync as Statement } from 'node:sqlite'

export interface DatabaseOptions extends FileIdentity {
  path: string
  /** Statements that make an empty file ours. */
  schema: string
  /** NORMAL survives the death of the process, FULL also that of the machine. */
  synchronous: 'NORMAL' | 'FULL'
  /** The error when another process holds it. */
  locked(cause: unknown): StoreError
}

/**
 * Opens the file for this process alone; an absent or empty one becomes a new one. The lock is the kernel's, on the open file: it ends
 * with the process, however that ends. Throws StoreError.
 */
export function openDatabase(options: DatabaseOptions): DatabaseSync {
  try {
    return lockDatabase(options, inspect(options.path, options))
  } catch (error) {
    throw isBusy(error) ? options.locked(error) : translateSqlite(error, options.path)
  }
}

function lockDatabase(options: DatabaseOptions, found: 'new' | 'ours'): DatabaseSync {
  const { path, schema, synchronous, applicationId, schemaVersion } = options
  const identity = `PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${schemaVersion};`
  const database = new DatabaseSync(path, { timeout: LOCK_WAIT_MS })
  try {
    // Must come first: a WAL that is entered in exclusive mode has no shared memory that could outlive the process.
    database.exec('PRAGMA locking_mode = EXCLUSIVE')
    if (found === 'new') database.exec('PRAGMA journal_mode = WAL')
    const begin = `PRAGMA synchronous = ${synchronous}; BEGIN EXCLUSIVE;`
    database.exec(`${begin} ${found === 'new' ? `${schema} ${identity}` : ''} COMMIT`)
    return database
  } catch (error) {
    database.close()
    throw error
  }
}
