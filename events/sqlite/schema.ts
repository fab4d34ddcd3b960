import { openDatabase, type Database } from '../../lib/sqlite/database.ts'
import { prepareFile } from '../../lib/sqlite/state-directory.ts'
import { StoreError } from '../../lib/sqlite/store-error.ts'

/** "DorE" in ASCII. */
const APPLICATION_ID = 0x446f7245
const SCHEMA_VERSION = 1

/** `partitions.last` is the offset the next record gets: it must outlive the records. A topic's id is never used again. */
const SCHEMA = `
  CREATE TABLE topics (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, partitions INTEGER NOT NULL, retention_ms INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE partitions (
    topic_id INTEGER NOT NULL, partition INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
    PRIMARY KEY (topic_id, partition)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE records (
    topic_id INTEGER NOT NULL, partition INTEGER NOT NULL, offset INTEGER NOT NULL, timestamp_ms INTEGER NOT NULL,
    key BLOB, value BLOB, headers BLOB,
    PRIMARY KEY (topic_id, partition, offset)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE positions (
    group_name TEXT NOT NULL, topic_id INTEGER NOT NULL, partition INTEGER NOT NULL,
    offset INTEGER NOT NULL, metadata TEXT NOT NULL,
    PRIMARY KEY (group_name, topic_id, partition)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE invocations (
    id TEXT PRIMARY KEY, updated_ms INTEGER NOT NULL, state TEXT NOT NULL, body BLOB
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX invocations_by_age ON invocations (updated_ms);
`

/** SQLite's own log keeps no more space than this once a large write is over. */
const LOG_BYTES = 16 * 1024 * 1024

/** Throws StoreError. */
export function openEventDatabase(path: string): Database {
  prepareFile(path)
  const database = openDatabase({
    path,
    schema: SCHEMA,
    synchronous: 'FULL',
    applicationId: APPLICATION_ID,
    schemaVersion: SCHEMA_VERSION,
    locked: (cause) => new StoreError('Locked', `${path} is in use by another process: stop it first`, { cause }),
  })
  database.exec(`PRAGMA journal_size_limit = ${LOG_BYTES}`)
  return database
}
