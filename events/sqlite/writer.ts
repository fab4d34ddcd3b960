/**
 * Group commit: everything asked for in one turn of the event loop is one transaction and one fsync. A write settles once it is durable;
 * when the transaction fails nothing of it is stored, and all its writes fail alike.
 */
import type { Database } from '../../lib/sqlite/database.ts'
import { isFull } from '../../lib/sqlite/store-error.ts'
import { EventLogError } from '../event-log.ts'

interface Write {
  /** Runs the statements. */
  run(): void
  /** After the commit: what is kept in memory may follow. */
  committed(): void
  failed(error: EventLogError): void
}

/** What is kept in memory and must follow the transactions. */
export interface Follower {
  beforeCommit(): void
  committed(): void
  rolledBack(): void
}

export class Writer {
  readonly #database: Database
  follower: Follower | undefined
  readonly #path: string
  #writes: Write[] = []
  #isClosed = false

  constructor(database: Database, path: string) {
    this.#database = database
    this.#path = path
  }

  /** `run` makes the statements; `then` runs after the commit, before the promise settles. Throws EventLogError. */
  write<T>(run: () => T, then?: (result: T) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) return reject(new EventLogError('closed', 'the event log is closed'))
      let result: T
      if (this.#writes.length === 0) setImmediate(() => this.flush())
      this.#writes.push({
        run: () => (result = run()),
        committed: () => {
          then?.(result)
          resolve(result)
        },
        failed: reject,
      })
    })
  }

  flush(): void {
    const writes = this.#writes
    if (writes.length === 0) return
    this.#writes = []
    try {
      this.#database.exec('BEGIN IMMEDIATE')
      for (const write of writes) write.run()
      this.follower?.beforeCommit()
      this.#database.exec('COMMIT')
    } catch (error) {
      // Some errors have rolled back by themselves.
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK')
      this.follower?.rolledBack()
      const failure = this.#translate(error)
      for (const write of writes) write.failed(failure)
      return
    }
    this.follower?.committed()
    for (const write of writes) write.committed()
  }

  close(): void {
    this.flush()
    this.#isClosed = true
  }

  #translate(error: unknown): EventLogError {
    if (error instanceof EventLogError) return error
    const message = error instanceof Error ? error.message : String(error)
    const what = `${this.#path} cannot be written (${message})`
    if (isFull(error)) return new EventLogError('full', `${what}: make space on its disk`, { cause: error })
    return new EventLogError('unavailable', `${what}: check its permissions and its disk`, { cause: error })
  }
}
