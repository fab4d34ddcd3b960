import { describe, expect, test } from '@jest/globals'
import type { NewRecord } from '../../../events/event-log.ts'
import { codeOf, numbers, record, unique, useLog, type EventLogHarness, type Listener } from './harness.ts'

export function describeHandingOver(harness: EventLogHarness): void {
  describe('handing over', () => {
    const bench = useLog(harness)

    /** Reads one partition and hands over what it is told to. */
    async function reading(values: string[]) {
      const [topic, target, group] = [await bench.topicOf(1), await bench.topicOf(2), unique('group')]
      const listener = bench.listen({ group, topics: [topic], handsOver: true })
      await bench.log.send(values.map((value) => record(topic, value)))
      await bench.until(() => expect(listener.texts).toEqual(values))
      return { topic, target, group, listener }
    }

    const handOver = (
      { consumer }: Listener,
      records: readonly NewRecord[],
      at: { topic: string; offset: number; metadata?: string },
    ) => consumer.handOver?.(records, { partition: 0, metadata: '', ...at }) ?? Promise.reject(new Error('not offered'))

    test('is not offered to whoever does not ask for it', async () => {
      const topic = await bench.topicOf(1)
      expect(bench.listen({ group: unique('group'), topics: [topic] }).consumer.handOver).toBeUndefined()
    })

    test('records and commit are there when it settles, in order, whatever their sizes', async () => {
      const { topic, target, group, listener } = await reading(['a', 'b', 'c'])
      const large = 'x'.repeat(600_000)
      const key = Buffer.from('k')
      await handOver(
        listener,
        [large, `${large}1`, '2', '3'].map((value) => record(target, value, { key })),
        { topic, offset: 2, metadata: 'm' },
      )
      const committed = [{ topic, partition: 0, offset: 2, metadata: 'm' }]
      await bench.until(async () => expect(await bench.log.committed(group, [topic])).toEqual(committed))
      const reader = await bench.read(target, 4)
      expect(reader.texts).toEqual([large, `${large}1`, '2', '3'])
      await listener.consumer.close()
      const next = bench.listen({ group, topics: [topic], handsOver: true })
      await bench.until(() => expect(next.texts).toEqual(['c']))
      expect(next.assigned).toEqual([{ topic, partition: 0, position: 2, metadata: 'm' }])
    })

    test('one after the other, and commits between them: the last word counts', async () => {
      const { topic, target, group, listener } = await reading(numbers(20))
      for (const n of numbers(20)) {
        await handOver(listener, [record(target, n, { partition: Number(n) % 2 })], { topic, offset: Number(n) + 1 })
        if (Number(n) % 5 === 4)
          await listener.consumer.commit([{ topic, partition: 0, offset: Number(n) + 1, metadata: n }])
      }
      const reader = await bench.read(target, 20)
      for (const partition of [0, 1])
        expect(reader.textsOf(partition)).toEqual(numbers(20).filter((n) => Number(n) % 2 === partition))
      expect(await bench.log.committed(group, [topic])).toEqual([{ topic, partition: 0, offset: 20, metadata: '19' }])
    })

    test('nothing is stored of what is refused, and the next is not held up by it', async () => {
      const { topic, target, group, listener } = await reading(['a', 'b'])
      const tooLarge = [
        record(target, 'small', { partition: 1 }),
        record(target, 'x'.repeat(3_000_000), { partition: 0 }),
      ]
      expect(await codeOf(handOver(listener, tooLarge, { topic, offset: 2 }))).toBe('too-large')
      expect(await bench.log.committed(group, [topic])).toEqual([])
      await handOver(listener, [record(target, 'fits', { partition: 1 })], { topic, offset: 1 })
      const reader = await bench.read(target, 1)
      expect(reader.texts).toEqual(['fits'])
      await bench.until(async () => expect((await bench.log.committed(group, [topic]))[0]?.offset).toBe(1))
    })

    test('nothing is stored by whoever does not read the partition any more', async () => {
      const { topic, target, group, listener } = await reading(['a'])
      await listener.consumer.close()
      expect(await codeOf(handOver(listener, [record(target, 'late')], { topic, offset: 1 }))).toBe('not-assigned')
      await bench.log.send([record(target, 'other')])
      expect((await bench.read(target, 1)).texts).toEqual(['other'])
      expect(await bench.log.committed(group, [topic])).toEqual([])
    })

    test('the end of what was handed over is reached by who reads it: what stands behind is for nobody', async () => {
      const { topic, target, listener } = await reading(['a'])
      await handOver(listener, [record(target, 'moved', { partition: 0 })], { topic, offset: 1 })
      const positions = new Map<number, number>()
      const reader = bench.listen({
        ...{ group: unique('end'), topics: [target] },
        onPosition: ({ partition }, position) => void positions.set(partition, position),
      })
      await bench.until(async () => {
        expect(reader.texts).toEqual(['moved'])
        const [end] = await bench.log.endOffsets(target)
        const last = reader.records[0]?.offset ?? 0
        expect(Math.max(last + 1, positions.get(0) ?? 0)).toBe(end?.end)
      })
    })
  })
}
