import { beforeAll, expect, it } from '@jest/globals'
import { describeOnKafka, KAFKA_START_MS, sharedKafka } from '../../builders/kafka-brokers.ts'
import { countBrokers } from '../../../scripts/kafka/ask-broker.ts'
import type { KafkaAddress } from '../../../scripts/kafka/landlord.ts'

await describeOnKafka('the Kafka of a test run', () => {
  let kafka: KafkaAddress
  beforeAll(async () => {
    kafka = await sharedKafka()
  }, KAFKA_START_MS)

  it('serves whoever asks', async () => {
    const [host = '', port] = kafka.brokers[0]!.split(':')
    expect(await countBrokers(host, Number(port))).toBeGreaterThan(0)
  })

  it('is the same for everyone', async () => {
    expect(await sharedKafka()).toEqual(kafka)
  })
})
