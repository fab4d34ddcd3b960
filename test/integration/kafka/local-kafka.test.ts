import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { eventually } from '../../builders/eventually.ts'
import { describeOnKafka, KAFKA_START_MS, kafkaForTests, type TestKafka } from '../../builders/kafka-brokers.ts'
import { countBrokers } from '../../../scripts/kafka/ask-broker.ts'

const ask = (broker: string) => {
  const [host = '', port] = broker.split(':')
  return countBrokers(host, Number(port), 5_000)
}

await describeOnKafka(
  'a Kafka of one node',
  () => {
    let kafka: TestKafka
    beforeAll(async () => {
      kafka = await kafkaForTests()
    }, KAFKA_START_MS)
    afterAll(() => kafka.stop())

    it('serves', async () => {
      expect(await ask(kafka.brokers[0]!)).toBe(1)
    })

    it(
      'does not answer once it is killed and serves at the same address once it is started again',
      async () => {
        await kafka.kill(1)
        await expect(ask(kafka.brokers[0]!)).rejects.toThrow('ECONNREFUSED')
        await kafka.start(1)
        expect(await ask(kafka.brokers[0]!)).toBe(1)
      },
      KAFKA_START_MS,
    )
  },
  { ours: true },
)

await describeOnKafka(
  'a Kafka of three nodes',
  () => {
    let kafka: TestKafka
    beforeAll(async () => {
      kafka = await kafkaForTests({ nodes: 3 })
    }, KAFKA_START_MS)
    afterAll(() => kafka.stop())

    it('is one cluster, which every node sees', async () => {
      expect(await Promise.all(kafka.brokers.map(ask))).toEqual([3, 3, 3])
    })

    it(
      'goes on without one of them, and takes it in again',
      async () => {
        await kafka.kill(1)
        const seen = (count: number) => async () => (await ask(kafka.brokers[2]!)) === count
        await eventually('two are left', seen(2), { withinMs: 60_000, everyMs: 100 })
        await kafka.start(1)
        await eventually('three again', seen(3), { withinMs: 60_000, everyMs: 100 })
      },
      KAFKA_START_MS,
    )

    it('has nodes that answer nothing while they are frozen', async () => {
      kafka.freeze(2)
      // The signal reaches each of its threads in its own time.
      const isSilent = () =>
        ask(kafka.brokers[1]!).then(
          () => false,
          (error: Error) => error.message.includes('does not answer within'),
        )
      await eventually('node 2 to answer nothing', isSilent, { withinMs: 60_000 })
      kafka.thaw(2)
      expect(await ask(kafka.brokers[1]!)).toBeGreaterThan(0)
    })

    it(
      'lets a node hand over what it has when it is shut down',
      async () => {
        await kafka.shutDown(3)
        await expect(ask(kafka.brokers[2]!)).rejects.toThrow('ECONNREFUSED')
        expect(await ask(kafka.brokers[0]!)).toBe(2)
      },
      KAFKA_START_MS,
    )
  },
  { ours: true },
)
