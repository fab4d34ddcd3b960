import { describe, expect, test } from '@jest/globals'
import { codeOf, record, unique, useLog, type EventLogHarness } from './harness.ts'

export function describeTopics(harness: EventLogHarness): void {
  describe('topics', () => {
    const bench = useLog(harness)

    test('are made once and stay as they are', async () => {
      const topic = unique('topic')
      await bench.log.ensureTopics([{ topic, partitions: 3, retentionMs: 86_400_000 }])
      await bench.log.ensureTopics([{ topic, partitions: 5, retentionMs: 1 }])
      expect(await bench.log.describe([topic, unique('none')])).toEqual([
        { topic, partitions: 3, retentionMs: 86_400_000 },
      ])
      expect((await bench.log.describe()).map((each) => each.topic)).toContain(topic)
    })

    test('are made together, those that exist among them or not', async () => {
      const [old, one, two] = [await bench.topicOf(1), unique('topic'), unique('topic')]
      await bench.log.ensureTopics([one, old, two, one].map((topic) => ({ topic, partitions: 2 })))
      const partitions = (await bench.log.describe([old, one, two])).map((each) => each.partitions)
      expect(partitions).toEqual([1, 2, 2])
    })

    test('are made by the first record for them', async () => {
      const topic = unique('made')
      await Promise.all([bench.log.send([record(topic, 'a')]), bench.log.send([record(topic, 'b')])])
      const [found] = await bench.log.describe([topic])
      expect(found?.partitions).toBeGreaterThan(0)
      expect((await bench.read(topic, 2)).texts.sort()).toEqual(['a', 'b'])
    })

    test('begin and end at 0 while they are empty', async () => {
      const topic = await bench.topicOf(2)
      expect(await bench.log.endOffsets(topic)).toEqual([
        { partition: 0, begin: 0, end: 0 },
        { partition: 1, begin: 0, end: 0 },
      ])
    })

    test('that are deleted take their records and positions along; made anew they begin at 0', async () => {
      const topic = await bench.topicOf(1)
      const group = unique('group')
      await bench.log.send([record(topic, 'old')])
      const first = bench.listen({ group, topics: [topic] })
      await bench.until(() => expect(first.texts).toEqual(['old']))
      await first.commitAll()
      await first.consumer.close()
      await bench.log.deleteTopics([topic, unique('none')])
      expect(await bench.log.describe([topic])).toEqual([])
      expect(await codeOf(bench.log.endOffsets(topic))).toBe('unknown-topic')
      expect(await bench.log.committed(group)).toEqual([])
      await bench.log.ensureTopics([{ topic, partitions: 1 }])
      await bench.log.send([record(topic, 'new')])
      const second = bench.listen({ group, topics: [topic] })
      await bench.until(() => expect(second.texts).toEqual(['new']))
      expect(second.records[0]?.offset).toBe(0)
    })

    test('that are deleted and made anew while they are read are taken away and given anew', async () => {
      const topic = await bench.topicOf(1)
      const listener = bench.listen({ group: unique('group'), topics: [topic], startFrom: 'latest' })
      await bench.until(() => expect(listener.held.size).toBe(1))
      await bench.log.send([record(topic, 'old')])
      await bench.until(() => expect(listener.texts).toEqual(['old']))
      await bench.log.deleteTopics([topic])
      await bench.until(() => expect(listener.held.size).toBe(0))
      await bench.log.ensureTopics([{ topic, partitions: 1 }])
      await bench.log.send([record(topic, 'new')])
      await bench.until(() => expect(listener.texts).toEqual(['old', 'new']))
      expect(listener.revoked).toEqual([{ topic, partition: 0 }])
      expect(listener.assigned.at(-1)).toMatchObject({ topic, partition: 0, position: 0 })
    })

    test.each(['', '.', '..', 'with space', 'a/b', 'ä', 'x'.repeat(250)])('have no name like %p', async (topic) => {
      expect(await codeOf(bench.log.ensureTopics([{ topic, partitions: 1 }]))).toBe('invalid-topic')
      expect(await codeOf(bench.log.send([record(topic, 'a')]))).toBe('invalid-topic')
    })

    test('may have a name of 249 letters', async () => {
      const topic = unique('x'.repeat(249 - 9))
      expect(topic).toHaveLength(249)
      await bench.log.ensureTopics([{ topic, partitions: 1 }])
      await bench.log.send([record(topic, 'a')])
      expect((await bench.read(topic, 1)).texts).toEqual(['a'])
    })
  })
}
