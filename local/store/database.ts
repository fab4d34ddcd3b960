import { DatabaseSync } from 'node:sqlite'
import { describeOwner } from './owner.ts'
import { damaged, isBusy, StoreError, translateSqlite } from './store-error.ts'

/** "Dorm" in ASCII: tells our file from any other program's database. */
const APPLICATION_ID = 0x446f726d
const SCHEMA_VERSION = 1

/** A predecessor may be on its way out. */
const LOCK_WAIT_MS = 250

const SCHEMA = `
  CREATE TABLE objects (
    api_version TEXT NOT NULL, kind TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL, json TEXT NOT NULL,
    PRIMARY KEY (api_version, kind, namespace, name)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE deletions (one INTEGER PRIMARY KEY CHECK (one = 1), resource_version INTEGER NOT NULL) STRICT;
  INSERT INTO deletions VALUES (1, 0);
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${SCHEMA_VERSION};
`

/**
 * Opens the state file for this process alone; an absent or empty one becomes a new state. The lock is the kernel's, on the open file: it
 * ends with the process, however that ends. Looks before it writes: a file that is not ours is left as it is. Throws StoreError.
 */
export function openDatabase(dir: string, path: string): DatabaseSync {
  let database: DatabaseSync | undefined
  try {
    database = new DatabaseSync(path, { timeout: LOCK_WAIT_MS })
    // Must come first: a WAL that is entered in exclusive mode has no shared memory that could outlive the process.
    database.exec('PRAGMA locking_mode = EXCLUSIVE')
    if (isNew(database, path)) createSchema(database)
    // NORMAL survives the death of the process; only a power failure can take the last writes, whole ones.
    database.exec('PRAGMA synchronous = NORMAL; BEGIN EXCLUSIVE; COMMIT')
    checkPages(database, path)
    return database
  } catch (error) {
    database?.close()
    throw isBusy(error) ? locked(dir, error) : translateSqlite(error, path)
  }
}

function isNew(database: DatabaseSync, path: string): boolean {
  const applicationId = pragma(database, 'application_id')
  const version = pragma(database, 'user_version')
  const tables = database.prepare('SELECT count(*) AS number FROM sqlite_schema').get()?.['number']
  if (applicationId === 0 && version === 0 && tables === 0) return true
  if (applicationId === APPLICATION_ID && version === SCHEMA_VERSION) return false
  if (applicationId !== APPLICATION_ID) {
    throw new StoreError('WrongVersion', `${path} is another program's database: choose another state directory`)
  }
  throw new StoreError(
    'WrongVersion',
    `${path} has schema version ${String(version)}, expected ${SCHEMA_VERSION}: use the Dormouse that wrote it, or another state directory`,
  )
}

function createSchema(database: DatabaseSync): void {
  database.exec('PRAGMA journal_mode = WAL')
  database.exec(`BEGIN EXCLUSIVE; ${SCHEMA} COMMIT`)
}

function checkPages(database: DatabaseSync, path: string): void {
  const verdict = pragma(database, 'quick_check')
  if (verdict !== 'ok') throw damaged(path, String(verdict))
}

function pragma(database: DatabaseSync, name: string): unknown {
  return Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {})[0]
}

function locked(dir: string, cause: unknown): StoreError {
  const owner = describeOwner(dir)
  const who = owner === '' ? 'another process' : `another Dormouse (${owner})`
  return new StoreError('Locked', `${dir} is in use by ${who}: stop it, or choose another state directory`, { cause })
}
