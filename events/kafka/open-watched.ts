import type { EventLog } from '../event-log.ts'
import { FirstContact } from './first-contact.ts'
import { openKafkaEventLog, type KafkaLogOptions } from './kafka-event-log.ts'

/** So long a look at whether Kafka is there may take before it is said that it is not. */
const LOOK_MS = 2_000

export interface WatchedLog {
  log: EventLog
  contact: FirstContact
}

/** The log, and who says whether its cluster has been reached; both are to be ended. `meanwhile`: see FirstContactOptions. */
export function openWatched(options: KafkaLogOptions, meanwhile: string): WatchedLog {
  const { brokers, logger } = options
  const look = openKafkaEventLog({ ...options, timeoutMs: LOOK_MS })
  return { log: openKafkaEventLog(options), contact: new FirstContact({ brokers, logger, meanwhile, log: look }) }
}
