export type StoreErrorCode = 'Locked' | 'Damaged' | 'WrongVersion' | 'NotWritable' | 'NotADirectory'

/** Why a state directory cannot be used; the message is one sentence for users and says what to do. */
export class StoreError extends Error {
  override readonly name = 'StoreError'
  /**
   * Locked: another instance runs on it. Damaged: what is stored cannot be read. WrongVersion: it was written by something else.
   * NotWritable: no permission, or no space. NotADirectory: something else is at the path.
   */
  readonly code: StoreErrorCode

  constructor(code: StoreErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** Nothing is ever repaired by throwing away: the user decides what to do with a file that cannot be used. */
export function damaged(path: string, what: string, cause?: unknown): StoreError {
  return new StoreError(
    'Damaged',
    `${path} is damaged (${what}): put a backup in its place, or move it away to start with an empty state`,
    { cause },
  )
}

/** SQLite's primary result codes that mean something to users. */
const SQLITE = {
  error: 1,
  busy: 5,
  readOnly: 8,
  ioError: 10,
  corrupt: 11,
  full: 13,
  cannotOpen: 14,
  tooBig: 18,
  constraint: 19,
  mismatch: 20,
  notADatabase: 26,
} as const

interface SqliteError {
  message: string
  /** Extended: the primary code is in its lowest byte. */
  errcode: number
}

function isSqliteError(error: unknown): error is SqliteError {
  return typeof error === 'object' && error !== null && 'errcode' in error && typeof error.errcode === 'number'
}

function sqliteCode(error: unknown): number | undefined {
  return isSqliteError(error) ? error.errcode & 0xff : undefined
}

export const isFull = (error: unknown): boolean => sqliteCode(error) === SQLITE.full

export const isBusy = (error: unknown): boolean => sqliteCode(error) === SQLITE.busy

/** The file cannot be used, whatever the statement was; otherwise what one statement was given is at fault. */
export function isFileFault(error: unknown): boolean {
  const code = sqliteCode(error)
  return code !== undefined && ![SQLITE.tooBig, SQLITE.constraint, SQLITE.mismatch].some((known) => known === code)
}

/** The same in our words; what is no error of SQLite's comes back as it is. */
export function translateSqlite(error: unknown, path: string): unknown {
  if (!isSqliteError(error)) return error
  const code = sqliteCode(error)
  // Our statements are right: a plain error means that the tables are not ours.
  const isUnreadable = [SQLITE.notADatabase, SQLITE.corrupt, SQLITE.error].some((known) => known === code)
  if (isUnreadable) return damaged(path, error.message, error)
  const isUnwritable = [SQLITE.readOnly, SQLITE.cannotOpen, SQLITE.full, SQLITE.ioError].some((known) => known === code)
  if (!isUnwritable) return error
  const message = `${path} cannot be written (${error.message}): check its permissions and the space on its disk`
  return new StoreError('NotWritable', message, { cause: error })
}
