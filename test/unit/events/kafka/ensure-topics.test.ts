import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test } from '@jest/globals'
import { KafkaJSConnectionError } from 'kafkajs'
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
  const [clock, closed] = [new FakeClock(), new AbortController()]
  const topics = new KafkaTopics({ client, clock, timeoutMs: 1_000, signal: closed.signal })
  return { asked, topics, clock, closed, client }
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

describe('once the log is closed', () => {
  const specs = [{ topic: 'a', partitions: 1 }]

  test('nobody waits for topics to be usable, or asks for them again', async () => {
    const { topics, clock, closed, client } = topicsOf({}, [{ partition: 0, leader: undefined }])
    let looks = 0
    const { topics: look } = client
    client.topics = (names) => (looks++, look(names))
    const making = topics.ensure(specs)
    await turn()
    clock.advance(20)
    await turn()
    const before = looks
    closed.abort()
    await expect(making).rejects.toMatchObject({ code: 'closed' })
    expect([looks, clock.pending]).toEqual([before, 0])
  })

  test('nobody connects again for what failed meanwhile', async () => {
    const { topics, clock, closed, client } = topicsOf({})
    let connects = 0
    client.topics = () => Promise.reject(new KafkaJSConnectionError('connection lost', {}))
    client.refresh = async () => void connects++
    const making = topics.ensure(specs)
    await turn()
    closed.abort()
    await expect(making).rejects.toMatchObject({ code: 'unavailable' })
    expect([connects, clock.pending]).toEqual([0, 0])
  })
})
