/**
 * Where a local instance keeps its events: in its state directory, or on a Kafka. What became of asynchronous invocations is in the state
 * directory either way; it is a view for those who ask, not what decides about delivery.
 */
import { join } from 'node:path'
import type { EventLog } from '../events/event-log.ts'
import type { InvocationLedger } from '../events/invocation-ledger.ts'
import type { KafkaSettings } from '../events/kafka/environment.ts'
import { openSqliteEventLog } from '../events/sqlite/sqlite-event-log.ts'
import type { Logger } from '../lib/logger.ts'

export interface LocalEventsOptions {
  stateDir: string
  /** None: the state directory. */
  kafka?: KafkaSettings | undefined
  logger: Logger
}

export interface LocalEvents {
  log: EventLog
  ledger: InvocationLedger
  /** Of the brokers, as functions see them: `host:port,host:port`; empty without. */
  bootstrapServers: string
  close(): Promise<void>
}

/** Throws StoreError: the file is locked, damaged or not ours. A Kafka that is away is no error: it is said, and tried again. */
export async function openLocalEvents({ stateDir, kafka, logger }: LocalEventsOptions): Promise<LocalEvents> {
  const embedded = openSqliteEventLog({ path: join(stateDir, 'events.db'), logger, transactions: true })
  const { ledger } = embedded
  if (kafka === undefined) return { log: embedded, ledger, bootstrapServers: '', close: () => embedded.close() }
  // Those who keep their events here need not wait for a client to load.
  const { openWatched } = await import('../events/kafka/open-watched.ts')
  const { log, contact } = openWatched(
    { ...kafka, logger },
    'HTTP is served, and what needs events is answered with 503',
  )
  return {
    log,
    ledger,
    bootstrapServers: kafka.brokers.join(','),
    async close() {
      await Promise.all([contact.stop(), log.close()])
      await embedded.close()
    },
  }
}
