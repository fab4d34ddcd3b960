/**
 * The logs that dispatchers run on, each with the ledger that it has there: the embedded one, and the real broker of this run. For suites whose
 * rules are of both. What needs virtual time or a file stays with the embedded one (retired-triggers; on brokers: kafka/dispatcher-deleted), and
 * so does what asks nothing of a log (calls, their metrics, where destinations may be).
 */
import { beforeAll, describe, jest } from '@jest/globals'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { EventLog } from '../../events/event-log.ts'
import type { InvocationLedger } from '../../events/invocation-ledger.ts'
import { openKafkaEventLog } from '../../events/kafka/kafka-event-log.ts'
import { SharedLedger } from '../../events/shared-ledger/shared-ledger.ts'
import { openSqliteEventLog } from '../../events/sqlite/sqlite-event-log.ts'
import { INVOCATIONS_TOPIC } from '../../events/topic-names.ts'
import { silentLogger } from '../../lib/logger.ts'
import { unique } from '../conformance/event-log/harness.ts'
import { HANDS_OVER } from './hands-over.ts'
import { QUICK } from './kafka-bed.ts'
import { describeOnKafka, KAFKA_START_MS, sharedKafka } from './kafka-brokers.ts'
import { namedApart } from './named-apart.ts'

export interface OpenedLog {
  log: EventLog
  ledger: InvocationLedger
  /** And forgets what it stored. */
  close(): Promise<void>
}

/** An empty one. */
export type OpenLog = () => Promise<OpenedLog>

export const openSqlite: OpenLog = async () => {
  const directory = mkdtempSync(join(tmpdir(), 'dormouse-dispatcher-'))
  const log = openSqliteEventLog({ path: join(directory, 'events.db'), logger: silentLogger })
  const close = async () => {
    await log.close()
    rmSync(directory, { recursive: true, force: true })
  }
  return { log, ledger: log.ledger, close }
}

const openKafka: OpenLog = async () => {
  const { brokers } = await sharedKafka()
  const kafka = openKafkaEventLog({ brokers, transactions: HANDS_OVER, defaultPartitions: 2, ...QUICK })
  const log = namedApart(kafka, `${unique('t')}.`)
  // Else the ledger may still be at it when the test is over.
  await log.ensureTopics([{ topic: INVOCATIONS_TOPIC, partitions: 1 }])
  const ledger = new SharedLedger({ log, logger: silentLogger })
  const close = async () => {
    await ledger.close()
    await log.deleteTopics((await log.describe()).map(({ topic }) => topic))
    await kafka.close()
  }
  return { log, ledger, close }
}

/** As `describe`, once on each; the one on the broker is skipped with the reason where there is none. */
export async function describeOnBothLogs(title: string, suite: (open: OpenLog) => void): Promise<void> {
  describe(`${title}, on SQLite`, () => suite(openSqlite))
  await describeOnKafka(`${title}, on a real broker`, () => {
    jest.setTimeout(120_000)
    beforeAll(sharedKafka, KAFKA_START_MS)
    suite(openKafka)
  })
}
