import { openKafkaEventLog } from '../../../events/kafka/kafka-event-log.ts'
import { silentLogger } from '../../../lib/logger.ts'
import { describeOnKafka, sharedKafka } from '../../builders/kafka-brokers.ts'
import { describeEventLog } from './suite.ts'

await describeOnKafka('on a real broker', () => {
  describeEventLog('kafka', {
    patienceMs: 15_000,
    keepsWhatStays: false,
    open: async () => {
      const { brokers } = await sharedKafka()
      const log = openKafkaEventLog({
        ...{ brokers, logger: silentLogger, topicsEveryMs: 200 },
        ...{ sessionTimeoutMs: 6_000, rebalanceTimeoutMs: 3_000, heartbeatMs: 100 },
        transactions: true,
      })
      return { log, close: () => log.close() }
    },
  })
})
