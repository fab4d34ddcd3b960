import { randomUUID } from 'node:crypto'
import type { EventLog } from '../../../events/event-log.ts'
import { SHARED_RESULT_BYTES } from '../../../events/shared-ledger/state-record.ts'
import { SharedLedger } from '../../../events/shared-ledger/shared-ledger.ts'
import { silentLogger } from '../../../lib/logger.ts'
import type { LedgerHarness } from './suite.ts'

/** `ofOneProcess`: the log is nobody else's, so that all ledgers of a test are on one. */
export function sharedHarness(openLog: () => Promise<EventLog>, { ofOneProcess = false } = {}): LedgerHarness {
  let topic = ''
  const logs: EventLog[] = []
  const ledgers: SharedLedger[] = []
  const openAnother = async () => {
    const log = (ofOneProcess ? logs[0] : undefined) ?? (await openLog())
    if (!logs.includes(log)) logs.push(log)
    const ledger = new SharedLedger({ log, topic, logger: silentLogger })
    ledgers.push(ledger)
    return ledger
  }
  return {
    maxResultBytes: SHARED_RESULT_BYTES,
    open: () => {
      topic = `dormouse.invocations-${randomUUID()}`
      return openAnother()
    },
    openAnother,
    async close() {
      await Promise.all(ledgers.splice(0).map((ledger) => ledger.close()))
      await Promise.all(logs.splice(0).map((log) => log.close()))
    },
  }
}
