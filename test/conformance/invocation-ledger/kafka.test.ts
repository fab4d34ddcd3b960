import { jest } from '@jest/globals'
import { openKafkaEventLog } from '../../../events/kafka/kafka-event-log.ts'
import { silentLogger } from '../../../lib/logger.ts'
import { describeOnKafka, KAFKA_START_MS, sharedKafka } from '../../builders/kafka-brokers.ts'
import { sharedHarness } from './shared-harness.ts'
import { describeLedger } from './suite.ts'

jest.setTimeout(KAFKA_START_MS)

await describeOnKafka('a shared ledger on a real broker', () => {
  describeLedger(
    sharedHarness(async () => openKafkaEventLog({ brokers: (await sharedKafka()).brokers, logger: silentLogger })),
  )
})
