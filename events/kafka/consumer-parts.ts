/** What a consumer is given by its log. */
import type { Clock } from '../../lib/clock.ts'
import type { Heartbeats } from './heartbeats.ts'
import type { KafkaClient } from './kafka-client.ts'
import type { GroupTimes } from './membership.ts'
import type { TransactionsOptions } from './transactions.ts'

export interface KafkaConsumerParts extends GroupTimes {
  /** Its own. */
  client: KafkaClient
  /** Of all of the log. */
  heartbeats: Heartbeats
  clock: Clock
  /** Present: it hands records over. */
  transactions?: Omit<TransactionsOptions, 'client'> | undefined
  onClosed(): void
}
