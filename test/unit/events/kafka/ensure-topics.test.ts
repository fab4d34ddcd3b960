import { expect, test } from '@jest/globals'
import type { KafkaClient, TopicPartition } from '../../../../events/kafka/kafka-client.ts'
import { KafkaTopics } from '../../../../events/kafka/kafka-topics.ts'
import { FakeClock } from '../../../fakes/fake-clock.ts'

/** Of a cluster in which this is all there is; making topics makes `made` of them. */
function topicsOf(there: Record<string, TopicPartition[]>, made: TopicPartition[] = []) {
  const asked: string[] = []
  const client = {
    topics: async (names: readonly string[]) => new Map(Object.entries(there).filter(([name]) => names.includes(name))),
    controller: async () => ({
      lookupRequest: () => undefined,
      async createTopics({ topics }: { topics: { topic: string }[] }) {
        for (const { topic } of topics) {
          asked.push(topic)
          there[topic] = made
        }
        return { topicErrors: topics.map(({ topic }) => ({ topic, errorCode: 0 })) }
      },
    }),
  } as unknown as KafkaClient
  return { asked, topics: new KafkaTopics({ client, clock: new FakeClock(), timeoutMs: 1_000 }) }
}

const led = { partition: 0, leader: 1 }
const leaderless = { partition: 1, leader: undefined }

test('a topic that is there is not waited for because one of its partitions has no leader: others can be written', async () => {
  const { asked, topics } = topicsOf({ a: [led, leaderless] })
  expect(await topics.ensure([{ topic: 'a', partitions: 2 }])).toBe(false)
  expect(asked).toEqual([])
})

test('those that are missing are made, and those only', async () => {
  const { asked, topics } = topicsOf({ a: [led, leaderless] }, [led])
  const specs = ['a', 'b'].map((topic) => ({ topic, partitions: 2 }))
  expect(await topics.ensure(specs)).toBe(true)
  expect(asked).toEqual(['b'])
})
