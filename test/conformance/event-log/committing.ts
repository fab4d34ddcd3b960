import { describe, expect, test } from '@jest/globals'
import { partitionName } from '../../../events/event-log.ts'
import { codeOf, numbers, record, unique, useLog, type EventLogHarness } from './harness.ts'

export function describeCommitting(harness: EventLogHarness): void {
  describe('committing', () => {
    const bench = useLog(harness)

    test('what was not committed comes again', async () => {
      const topic = await bench.topicOf(1)
      const group = unique('group')
      await bench.log.send(['a', 'b'].map((value) => record(topic, value)))
      const first = bench.listen({ group, topics: [topic] })
      await bench.until(() => expect(first.texts).toEqual(['a', 'b']))
      const { offset } = first.records[1]!
      await first.consumer.commit([{ topic, partition: 0, offset, metadata: 'm' }])
      expect(await bench.log.committed(group, [topic])).toEqual([{ topic, partition: 0, offset, metadata: 'm' }])
      expect(await bench.log.committed(group, [unique('other')])).toEqual([])
      expect(await bench.log.committed(unique('other'))).toEqual([])
      await first.consumer.close()
      const second = bench.listen({ group, topics: [topic] })
      await bench.until(() => expect(second.texts).toEqual(['b']))
      expect(second.assigned).toEqual([{ topic, partition: 0, position: offset, metadata: 'm' }])
    })

    test('several partitions at once, each with its own position, the last word counts', async () => {
      const topic = await bench.topicOf(3)
      const group = unique('group')
      const listener = bench.listen({ group, topics: [topic] })
      await bench.log.send(numbers(30).map((n) => record(topic, n, { partition: Number(n) % 3 })))
      await bench.until(() => expect(listener.records).toHaveLength(30))
      const commit = (offset: number, metadata: string) =>
        listener.consumer.commit(
          [0, 1, 2].map((partition) => ({ topic, partition, offset: offset + partition, metadata })),
        )
      await Promise.all([commit(1, 'first'), commit(5, 'second'), commit(2, 'third')])
      const committed = await bench.log.committed(group)
      expect([...committed].sort((a, b) => a.partition - b.partition)).toEqual(
        [0, 1, 2].map((partition) => ({ topic, partition, offset: 2 + partition, metadata: 'third' })),
      )
    })

    test('a group hears of a revocation before it, and what is committed until then counts', async () => {
      const topic = await bench.topicOf(1)
      const group = unique('group')
      const first = bench.listen({ group, topics: [topic] })
      await bench.log.send([record(topic, 'a')])
      await bench.until(() => expect(first.texts).toEqual(['a']))
      first.beforeLetGo = () => first.commitAll('noted')
      await first.consumer.close()
      expect(first.revoked.map(partitionName)).toEqual([`${topic}/0`])
      const second = bench.listen({ group, topics: [topic] })
      await bench.until(() => expect(second.assigned).toHaveLength(1))
      expect(second.assigned[0]?.metadata).toBe('noted')
      await bench.log.send([record(topic, 'b')])
      await bench.until(() => expect(second.texts).toEqual(['b']))
    })

    test('nobody’s word is taken for partitions he no longer reads', async () => {
      const topic = await bench.topicOf(1)
      const group = unique('group')
      const first = bench.listen({ group, topics: [topic] })
      await bench.log.send([record(topic, 'a')])
      await bench.until(() => expect(first.texts).toEqual(['a']))
      await first.consumer.close()
      expect(await codeOf(first.commitAll())).toBe('not-assigned')
      expect(await bench.log.committed(group)).toEqual([])
    })

    test('nothing is committed when one of the partitions is not ours', async () => {
      const [topic, other] = [await bench.topicOf(1), await bench.topicOf(1)]
      const group = unique('group')
      const listener = bench.listen({ group, topics: [topic] })
      await bench.until(() => expect(listener.held.size).toBe(1))
      const offsets = [topic, other].map((each) => ({ topic: each, partition: 0, offset: 0, metadata: '' }))
      expect(await codeOf(listener.consumer.commit(offsets))).toBe('not-assigned')
      expect(await bench.log.committed(group)).toEqual([])
    })

    test('a position in a deleted topic is not kept for one made anew', async () => {
      const topic = await bench.topicOf(1)
      const group = unique('group')
      const listener = bench.listen({ group, topics: [topic] })
      await bench.log.send([record(topic, 'a')])
      await bench.until(() => expect(listener.texts).toEqual(['a']))
      await bench.log.deleteTopics([topic])
      expect(await codeOf(listener.commitAll())).toBe('not-assigned')
      await bench.log.ensureTopics([{ topic, partitions: 1 }])
      expect(await bench.log.committed(group)).toEqual([])
    })

    test('keeps 4,000 bytes of metadata, and no more', async () => {
      const topic = await bench.topicOf(1)
      const group = unique('group')
      const listener = bench.listen({ group, topics: [topic] })
      await bench.until(() => expect(listener.held.size).toBe(1))
      const metadata = 'm'.repeat(4_000)
      await listener.consumer.commit([{ topic, partition: 0, offset: 0, metadata }])
      expect((await bench.log.committed(group))[0]?.metadata).toBe(metadata)
      const tooMuch = [{ topic, partition: 0, offset: 0, metadata: 'ü'.repeat(2_001) }]
      expect(await codeOf(listener.consumer.commit(tooMuch))).toBe('too-large')
      expect((await bench.log.committed(group))[0]?.metadata).toBe(metadata)
    })
  })
}
