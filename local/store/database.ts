import { DatabaseSync } from 'node:sqlite'
import { APPLICATION_ID, inspect, LOCK_WAIT_MS, SCHEMA_VERSION } from './inspection.ts'
import { describeOwner } from './owner.ts'
import { isBusy, StoreError, translateSqlite } from './store-error.ts'

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
 * ends with the process, however that ends. A file that is damaged or not ours is left as it is. Throws StoreError.
 */
export function openDatabase(dir: string, path: string): DatabaseSync {
  try {
    return lockDatabase(path, inspect(path))
  } catch (error) {
    throw isBusy(error) ? locked(dir, error) : translateSqlite(error, path)
  }
}

function lockDatabase(path: string, found: 'new' | 'ours'): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: LOCK_WAIT_MS })
  try {
    // Must come first: a WAL that is entered in exclusive mode has no shared memory that could outlive the process.
    database.exec('PRAGMA locking_mode = EXCLUSIVE')
    if (found === 'new') database.exec('PRAGMA journal_mode = WAL')
    // NORMAL survives the death of the process; only a power failure can take the last writes, whole ones.
    database.exec(`PRAGMA synchronous = NORMAL; BEGIN EXCLUSIVE; ${found === 'new' ? SCHEMA : ''} COMMIT`)
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

function locked(dir: string, cause: unknown): StoreError {
  const owner = describeOwner(dir)
  const who = owner === '' ? 'another process' : `another Dormouse (${owner})`
  return new StoreError('Locked', `${dir} is in use by ${who}: stop it, or choose another state directory`, { cause })
}
