import { openDatabase, type Database } from '../../lib/sqlite/database.ts'
import { StoreError } from '../../lib/sqlite/store-error.ts'
import { describeOwner } from './owner.ts'

/** "Dorm" in ASCII. */
const APPLICATION_ID = 0x446f726d
const SCHEMA_VERSION = 1

const SCHEMA = `
  CREATE TABLE objects (
    api_version TEXT NOT NULL, kind TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL, json TEXT NOT NULL,
    PRIMARY KEY (api_version, kind, namespace, name)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE deletions (one INTEGER PRIMARY KEY CHECK (one = 1), resource_version INTEGER NOT NULL) STRICT;
  INSERT INTO deletions VALUES (1, 0);
`

/** Opens the state file of `dir` for this process alone. Throws StoreError. */
export function openState(dir: string, path: string): Database {
  return openDatabase({
    path,
    schema: SCHEMA,
    // Only a power failure can take the last writes, whole ones.
    synchronous: 'NORMAL',
    applicationId: APPLICATION_ID,
    schemaVersion: SCHEMA_VERSION,
    locked: (cause) => locked(dir, cause),
  })
}

function locked(dir: string, cause: unknown): StoreError {
  const owner = describeOwner(dir)
  const who = owner === '' ? 'another process' : `another Dormouse (${owner})`
  return new StoreError('Locked', `${dir} is in use by ${who}: stop it, or choose another state directory`, { cause })
}
