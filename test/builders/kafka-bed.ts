/** A Kafka that only one test file has, logs on it, and listeners: for faults of brokers. */
import { afterAll, afterEach, beforeAll, jest } from '@jest/globals'
import { Kafka, logLevel } from 'kafkajs'
import type { EventLog } from '../../events/event-log.ts'
import { openKafkaEventLog, type KafkaLogOptions } from '../../events/kafka/kafka-event-log.ts'
import { silentLogger } from '../../lib/logger.ts'
import { Listener, unique, type ListenerOptions } from '../conformance/event-log/harness.ts'
import { eventually } from './eventually.ts'
import { HANDS_OVER } from './hands-over.ts'
import { KAFKA_START_MS, kafkaForTests, type TestKafka } from './kafka-brokers.ts'

export interface KafkaBed {
  readonly kafka: TestKafka
  readonly log: EventLog
  /** Another one, closed after the test. */
  open(options?: Partial<KafkaLogOptions>): EventLog
  listen(options: ListenerOptions, log?: EventLog): Listener
  topicOf(partitions: number): Promise<string>
  until(check: () => void, withinMs?: number): Promise<unknown>
  /** Another client than ours. */
  readonly other: Kafka
}

/** Quick to notice what happens, so that tests are quick, too. */
export const QUICK = {
  ...{ logger: silentLogger, topicsEveryMs: 200, timeoutMs: 20_000 },
  ...{ sessionTimeoutMs: 6_000, rebalanceTimeoutMs: 4_000, heartbeatMs: 200 },
}

/** Call inside describe. */
export function useKafkaBed({ nodes = 1 }: { nodes?: 1 | 3 } = {}): KafkaBed {
  let kafka: TestKafka
  let shared: EventLog
  const logs: EventLog[] = []
  const listeners: Listener[] = []
  jest.setTimeout(240_000)
  const open = (options: Partial<KafkaLogOptions> = {}) =>
    openKafkaEventLog({ brokers: kafka.brokers, transactions: HANDS_OVER, ...QUICK, ...options })
  beforeAll(async () => {
    kafka = await kafkaForTests({ nodes })
    shared = open()
  }, KAFKA_START_MS)
  afterEach(async () => {
    await Promise.all(listeners.splice(0).map(({ consumer }) => consumer.close()))
    await Promise.all(logs.splice(0).map((log) => log.close()))
  })
  afterAll(async () => {
    await shared?.close()
    await kafka?.stop()
  })
  return {
    get kafka() {
      return kafka
    },
    get log() {
      return shared
    },
    get other() {
      return new Kafka({ brokers: kafka.brokers, logLevel: logLevel.NOTHING })
    },
    open: (options) => {
      const log = open(options)
      logs.push(log)
      return log
    },
    listen: (options, log = shared) => {
      const listener = new Listener(log, options)
      listeners.push(listener)
      return listener
    },
    topicOf: async (partitions) => {
      const topic = unique('topic')
      await shared.ensureTopics([{ topic, partitions }])
      return topic
    },
    until: (check, withinMs = 30_000) => eventually('the expectations hold', () => (check(), true), { withinMs }),
  }
}
