import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openSqliteEventLog, type SqliteEventLog } from '../../../events/sqlite/sqlite-event-log.ts'
import { silentLogger } from '../../../lib/logger.ts'
import { eventLogContract } from './contract.ts'

let log: SqliteEventLog
let directory: string

eventLogContract({
  name: 'sqlite',
  patienceMs: 5_000,
  async start() {
    directory = mkdtempSync(join(tmpdir(), 'dormouse-log-'))
    log = openSqliteEventLog({ path: join(directory, 'events.db'), logger: silentLogger })
    return log
  },
  async stop() {
    await log.close()
    rmSync(directory, { recursive: true, force: true })
  },
})
