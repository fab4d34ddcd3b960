/**
 * The state directory of local mode: the objects that outlive the process, in one SQLite file, held by one process at a time.
 * Promises that what a put or remove has returned from survives the death of the process at any moment, and that a file it cannot
 * make sense of stays as it is. Leaves the choice of kinds, and their meaning, to the memory cluster.
 */
import { join, resolve } from 'node:path'
import type { KubeObject } from '../../api/object.ts'
import type { Persistence } from '../../kube/memory/persistence.ts'
import type { Database, Statement } from '../../lib/sqlite/database.ts'
import { prepareDirectory, prepareFile } from '../../lib/sqlite/state-directory.ts'
import { translateSqlite } from '../../lib/sqlite/store-error.ts'
import { openState } from './database.ts'
import { removeOwner, writeOwner, type Owner } from './owner.ts'
import { keyOf, parseRow } from './stored-object.ts'

export interface StoreOptions {
  /**
   * What a stored object means to this version: gives it back with its defaults, throws when it is no longer valid.
   * The error's message becomes part of the StoreError's.
   */
  parse?: (object: KubeObject) => KubeObject
  now?: () => Date
}

/** Opens, or makes, the state in `dir` and locks it until `close`. Throws StoreError, also when one stored object cannot be read. */
export function openStore(
  dir: string,
  { parse = (object) => object, now = () => new Date() }: StoreOptions = {},
): Store {
  const absolute = resolve(dir)
  const path = join(absolute, FILE_NAME)
  prepareDirectory(absolute)
  prepareFile(path)
  const database = openState(absolute, path)
  try {
    const store = new Store({ dir: absolute, path, database, parse, startedAt: now().toISOString() })
    store.load()
    return store
  } catch (error) {
    database.close()
    throw translateSqlite(error, path)
  }
}

const FILE_NAME = 'dormouse.db'

interface OpenState {
  dir: string
  path: string
  database: Database
  parse: (object: KubeObject) => KubeObject
  startedAt: string
}

export class Store implements Persistence {
  readonly #state: OpenState
  readonly #putRow: Statement
  readonly #removeRow: Statement
  readonly #noteDeletion: Statement

  constructor(state: OpenState) {
    const { database } = state
    this.#state = state
    this.#putRow = database.prepare('INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?)')
    this.#removeRow = database.prepare(
      'DELETE FROM objects WHERE api_version = ? AND kind = ? AND namespace = ? AND name = ?',
    )
    this.#noteDeletion = database.prepare('UPDATE deletions SET resource_version = max(resource_version, ?)')
    writeOwner(state.dir, this.#owner())
  }

  load(): { objects: KubeObject[]; resourceVersion: number } {
    const { database, path, parse } = this.#state
    try {
      const rows = database.prepare('SELECT * FROM objects').all()
      const deletion = database.prepare('SELECT resource_version FROM deletions').get()
      return {
        objects: rows.map((row) => parseRow(row, path, parse)),
        resourceVersion: Number(deletion?.['resource_version'] ?? 0),
      }
    } catch (error) {
      throw translateSqlite(error, path)
    }
  }

  put(object: KubeObject): void {
    this.#write(() => this.#putRow.run(...keyOf(object), JSON.stringify(object)))
  }

  remove(object: KubeObject): void {
    this.#write(() => {
      this.#noteDeletion.run(Number(object.metadata.resourceVersion))
      this.#removeRow.run(...keyOf(object))
    })
  }

  /** Tells whoever reads owner.json where this instance is managed. */
  announce(managementUrl: string): void {
    writeOwner(this.#state.dir, { ...this.#owner(), managementUrl })
  }

  /** Releases the lock. A second call does nothing. */
  close(): void {
    const { database, dir } = this.#state
    if (!database.isOpen) return
    removeOwner(dir)
    database.close()
  }

  #owner(): Owner {
    return { pid: process.pid, startedAt: this.#state.startedAt }
  }

  #write(statements: () => void): void {
    const { database, path } = this.#state
    database.exec('BEGIN')
    try {
      statements()
      database.exec('COMMIT')
    } catch (error) {
      // Some errors have rolled back by themselves.
      if (database.isTransaction) database.exec('ROLLBACK')
      throw translateSqlite(error, path)
    }
  }
}
