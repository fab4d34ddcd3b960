/**
 * Group commit: everything asked for in one turn of the event loop is one transaction and one fsync. A write settles once it is durable.
 * While many come at a time the next transaction waits as long as the last one took, so that each fsync serves more of them.
 * One that is at fault itself fails alone; when the file cannot be written, all fail and nothing of them is stored.
 */
import type { Database } from '../../lib/sqlite/database.ts'
import { isFileFault, isFull } from '../../lib/sqlite/store-error.ts'
import { EventLogError } from '../event-log.ts'
import { errorText } from '../../lib/error-text.ts'

interface Write {
  /** Makes the statements. Again, when another write of the transaction failed. */
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

const LONGEST_PAUSE_MS = 10

/** Its statements failed, not the file. */
class WriteFault extends Error {
  readonly write: Write

  constructor(write: Write, cause: unknown) {
    super('one write cannot be made', { cause })
    this.write = write
  }
}

export class Writer {
  readonly #database: Database
  follower: Follower | undefined
  readonly #path: string
  #writes: Write[] = []
  #isClosed = false
  readonly #isPaced: boolean
  /** Earliest begin of the next transaction, by performance.now(). */
  #notBeforeMs = 0

  constructor(database: Database, path: string, isPaced = true) {
    this.#database = database
    this.#path = path
    this.#isPaced = isPaced
  }

  /** Nothing waits for the end of the turn. */
  get isIdle(): boolean {
    return this.#writes.length === 0
  }

  /** `run` makes the statements and may run more than once; `then` runs after the commit, before the promise settles. Throws EventLogError. */
  write<T>(run: () => T, then?: (result: T) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) return reject(new EventLogError('closed', 'the event log is closed'))
      let result: T
      if (this.#writes.length === 0) this.#schedule()
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

  /** Now, what waits for the end of the turn. */
  flush(): void {
    let writes = this.#writes
    this.#writes = []
    while (writes.length > 0) {
      const fault = this.#transact(writes)
      if (fault === undefined) return
      // Each time one less.
      writes = writes.filter((write) => write !== fault)
    }
  }

  close(): void {
    this.flush()
    this.#isClosed = true
  }

  #schedule(): void {
    const waitMs = this.#notBeforeMs - performance.now()
    if (waitMs < 0.5) setImmediate(() => this.flush())
    else setTimeout(() => this.flush(), waitMs)
  }

  /** The write that was at fault: the others are to be made anew. */
  #transact(writes: readonly Write[]): Write | undefined {
    const startedMs = performance.now()
    try {
      this.#database.exec('BEGIN IMMEDIATE')
      for (const write of writes) runOne(write)
      this.follower?.beforeCommit()
      this.#database.exec('COMMIT')
    } catch (error) {
      this.#rollBack()
      return this.#failed(writes, error)
    }
    const endedMs = performance.now()
    // Who waits for each write before the next must not wait longer for it.
    if (this.#isPaced && writes.length > 1)
      this.#notBeforeMs = endedMs + Math.min(LONGEST_PAUSE_MS, endedMs - startedMs)
    this.follower?.committed()
    for (const write of writes) write.committed()
    return undefined
  }

  #failed(writes: readonly Write[], error: unknown): Write | undefined {
    if (error instanceof WriteFault) {
      error.write.failed(this.#translate(error.cause))
      return error.write
    }
    const failure = this.#translate(error)
    for (const write of writes) write.failed(failure)
    this.#makeRoom()
    return undefined
  }

  #rollBack(): void {
    try {
      // Some errors have rolled back by themselves.
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK')
    } catch {
      // The transaction is not committed; BEGIN says so should it still be open.
    }
    this.follower?.rolledBack()
  }

  /** A full disk may have room in what the log file still keeps: without it not even a deletion could be written. */
  #makeRoom(): void {
    try {
      this.#database.exec('PRAGMA wal_checkpoint(TRUNCATE)')
    } catch {
      // As full as before.
    }
  }

  #translate(error: unknown): EventLogError {
    if (error instanceof EventLogError) return error
    const message = errorText(error)
    const what = `${this.#path} cannot be written (${message})`
    if (isFull(error)) return new EventLogError('full', `${what}: make space on its disk`, { cause: error })
    return new EventLogError('unavailable', `${what}: check its permissions and its disk`, { cause: error })
  }
}

function runOne(write: Write): void {
  try {
    write.run()
  } catch (error) {
    throw isFileFault(error) ? error : new WriteFault(write, error)
  }
}
