/**
 * The event log of a gateway process, where it has one. Nothing waits for it: HTTP is served while Kafka is away, and what needs events is
 * answered with 503 meanwhile.
 */
import type { EventLog } from '../events/event-log.ts'
import type { InvocationLedger } from '../events/invocation-ledger.ts'
import type { KafkaSettings } from '../events/kafka/environment.ts'
import { SharedLedger } from '../events/shared-ledger/shared-ledger.ts'
import type { Logger } from '../lib/logger.ts'

export interface GatewayEvents {
  log: EventLog
  ledger: InvocationLedger
  /** It was reached at least once. */
  isReached: () => boolean
  close(): Promise<void>
}

export async function openEvents(
  settings: KafkaSettings | undefined,
  logger: Logger,
): Promise<GatewayEvents | undefined> {
  if (settings === undefined) {
    logger.info('there is no Kafka (DORMOUSE_KAFKA): asynchronous invocations and topics are answered with 503')
    return undefined
  }
  // A gateway without events need not wait for a client to load.
  const { openWatched } = await import('../events/kafka/open-watched.ts')
  const { log, contact } = openWatched(
    { ...settings, logger },
    'HTTP is served, and what needs events is answered with 503',
  )
  const ledger = new SharedLedger({ log, logger })
  return {
    ...{ log, ledger, isReached: () => contact.made },
    async close() {
      await Promise.all([contact.stop(), ledger.close()])
      await log.close()
    },
  }
}
