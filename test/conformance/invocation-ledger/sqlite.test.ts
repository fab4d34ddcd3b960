import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe } from '@jest/globals'
import { randomUUID } from 'node:crypto'
import { MAX_RESULT_BYTES } from '../../../events/invocation-ledger.ts'
import { openSqliteEventLog, type SqliteEventLog } from '../../../events/sqlite/sqlite-event-log.ts'
import { silentLogger } from '../../../lib/logger.ts'
import { sharedHarness } from './shared-harness.ts'
import { describeLedger } from './suite.ts'

const directory = mkdtempSync(join(tmpdir(), 'dormouse-ledger-'))
const openLog = () => openSqliteEventLog({ path: join(directory, `${randomUUID()}.db`), logger: silentLogger })
afterAll(() => rmSync(directory, { recursive: true, force: true }))

describe('a ledger beside the embedded log', () => {
  let log: SqliteEventLog
  describeLedger({
    maxResultBytes: MAX_RESULT_BYTES,
    open: async () => (log = openLog()).ledger,
    close: () => log.close(),
  })
})

describe('a shared ledger on the embedded log', () => {
  describeLedger(sharedHarness(async () => openLog(), { ofOneProcess: true }))
})
