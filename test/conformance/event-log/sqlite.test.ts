import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openSqliteEventLog } from '../../../events/sqlite/sqlite-event-log.ts'
import { silentLogger } from '../../../lib/logger.ts'
import { describeEventLog } from './suite.ts'

describeEventLog('sqlite', {
  patienceMs: 15_000,
  keepsWhatStays: true,
  open: async () => {
    const directory = mkdtempSync(join(tmpdir(), 'dormouse-log-'))
    const log = openSqliteEventLog({
      ...{ path: join(directory, 'events.db'), logger: silentLogger, revokeTimeoutMs: 1_500, transactions: true },
    })
    return {
      log,
      close: async () => {
        await log.close()
        rmSync(directory, { recursive: true, force: true })
      },
    }
  },
})
