import { describe, expect, test } from '@jest/globals'
import { partitionName } from '../../../events/event-log.ts'
import { numbers, record, text, unique, useLog, type EventLogHarness } from './harness.ts'

export function describeConsuming(harness: EventLogHarness): void {
  describe('consuming', () => {
    const bench = useLog(harness)

    test('begins at the first record or behind the last, as is wanted, where nothing is committed', async () => {
      const topic = await bench.topicOf(2)
      await bench.log.send(['a', 'b', 'c'].map((value, n) => record(topic, value, { partition: n % 2 })))
      const early = bench.listen({ group: unique('early'), topics: [topic] })
      const late = bench.listen({ group: unique('late'), topics: [topic], startFrom: 'latest' })
      await bench.until(() => expect(early.texts.sort()).toEqual(['a', 'b', 'c']))
      await bench.until(() => expect(late.held.size).toBe(2))
      expect(early.assigned.map(({ position }) => position)).toEqual([0, 0])
      await bench.log.send([record(topic, 'd', { partition: 0 })])
      await bench.until(() => expect(late.texts).toEqual(['d']))
      await bench.until(() => expect(early.texts.sort()).toEqual(['a', 'b', 'c', 'd']))
    })

    test('reads a topic that did not exist from its first record, even from the latest', async () => {
      const topic = unique('later')
      const listener = bench.listen({ group: unique('group'), topics: [topic], startFrom: 'latest' })
      await bench.log.send([record(topic, 'first')])
      await bench.until(() => expect(listener.texts).toEqual(['first']))
    })

    test('begins at the first record that is as old as wanted or younger, at the end of partitions that have none', async () => {
      const topic = await bench.topicOf(3)
      const since = Date.now() - 60_000
      const at = (partition: number, ...ages: number[]) =>
        ages.map((age) => record(topic, `${partition}:${age}`, { partition, timestampMs: since + age }))
      // Senders choose timestamps: that they rise is not said.
      await bench.log.send([...at(0, -5, -1, 0, 7), ...at(1, -5, 3, -2, 9), ...at(2, -5, -1)])
      const listener = bench.listen({ group: unique('since'), topics: [topic], startFrom: { timestampMs: since } })
      await bench.until(() => expect(listener.texts.sort()).toEqual(['0:0', '0:7', '1:-2', '1:3', '1:9']))
      const begins = listener.assigned.map(({ partition, position }) => [partition, position])
      expect(begins.sort()).toEqual([
        [0, 2],
        [1, 1],
        [2, 2],
      ])
      await bench.log.send(at(2, -3))
      await bench.until(() => expect(listener.textsOf(2)).toEqual(['2:-3']))
    })

    test('begins at a time only where nothing is committed, and in topics that were there', async () => {
      const topic = await bench.topicOf(1)
      const later = unique('later')
      const group = unique('since')
      const since = Date.now() - 60_000
      await bench.log.send(numbers(4).map((n) => record(topic, n, { timestampMs: since + Number(n) - 2 })))
      const before = bench.listen({ group, topics: [topic] })
      await bench.until(() => expect(before.texts).toEqual(numbers(4)))
      await before.consumer.commit([{ topic, partition: 0, offset: 1, metadata: '' }])
      await before.consumer.close()
      const listener = bench.listen({ group, topics: [topic, later], startFrom: { timestampMs: since } })
      await bench.until(() => expect(listener.texts).toEqual(['1', '2', '3']))
      // A topic that appears may let everything be assigned anew.
      await listener.commitAll()
      await bench.log.send([record(later, 'old', { timestampMs: since - 1_000 })])
      await bench.until(() => expect(listener.texts).toEqual(['1', '2', '3', 'old']))
    })

    test('hands out each partition in order, once, in as many calls as it takes', async () => {
      const topic = await bench.topicOf(3)
      const listener = bench.listen({ group: unique('group'), topics: [topic], maxRecords: 7 })
      for (const n of numbers(10)) {
        await bench.log.send(numbers(30).map((m) => record(topic, `${n}/${m}`, { partition: Number(m) % 3 })))
      }
      await bench.until(() => expect(listener.records).toHaveLength(300))
      for (const partition of [0, 1, 2]) {
        const offsets = listener.records.filter((each) => each.partition === partition).map(({ offset }) => offset)
        expect(offsets).toEqual([...new Set(offsets)].sort((a, b) => a - b))
        expect(offsets).toHaveLength(100)
      }
      expect(Math.max(...listener.batches.map((batch) => batch.length))).toBeLessThanOrEqual(7)
      for (const batch of listener.batches) expect(new Set(batch.map(partitionName)).size).toBe(1)
    })

    test('gives buffers that stay what they are', async () => {
      const topic = await bench.topicOf(1)
      const texts = numbers(2_000).map((n) => `${n}-${'x'.repeat(500)}`)
      for (let at = 0; at < 2_000; at += 200) {
        await bench.log.send(texts.slice(at, at + 200).map((value) => record(topic, value)))
      }
      const { records } = await bench.read(topic, 2_000)
      records[0]!.value!.fill(0)
      expect(records.slice(1).map(text)).toEqual(texts.slice(1))
    })

    test('hands out large records, too, all of them', async () => {
      const topic = await bench.topicOf(1)
      const large = Array.from({ length: 12 }, (_, n) => Buffer.alloc(400 * 1024, n))
      for (const value of large) await bench.log.send([{ ...record(topic, null), value }])
      const { records } = await bench.read(topic, 12)
      expect(records.map(({ value }) => value?.equals(large[value[0]!]!))).toEqual(large.map(() => true))
    })

    test('goes on after a receiver that failed, with the records it failed on', async () => {
      const topic = await bench.topicOf(1)
      const seen: string[] = []
      let failures = 0
      const listener = bench.listen({
        group: unique('group'),
        topics: [topic],
        onRecords: (_partition, records) => {
          if (failures++ === 0) throw new Error('not now')
          seen.push(...records.map(text))
        },
      })
      await bench.log.send([record(topic, 'a')])
      await bench.until(() => expect(seen[0]).toBe('a'))
      expect(listener.errors.length).toBeGreaterThan(0)
      await bench.log.send([record(topic, 'b')])
      await bench.until(() => expect(seen.at(-1)).toBe('b'))
    })

    test('follows a change of its topics', async () => {
      const [one, two, three] = [await bench.topicOf(1), await bench.topicOf(1), unique('later')]
      const listener = bench.listen({ group: unique('group'), topics: [one] })
      await bench.until(() => expect(listener.held.size).toBe(1))
      listener.consumer.subscribe([two, three])
      await bench.until(() => expect([...listener.held]).toEqual([`${two}/0`]))
      await bench.log.send([record(one, 'no'), record(two, 'yes'), record(three, 'too')])
      const texts = () => (harness.keepsWhatStays ? listener.texts : [...new Set(listener.texts)]).sort()
      await bench.until(() => expect(texts()).toEqual(['too', 'yes']))
      expect(listener.revoked).toContainEqual({ topic: one, partition: 0 })
    })

    test('of one group takes nothing from another', async () => {
      const topic = await bench.topicOf(2)
      const listeners = [1, 2, 3].map(() => bench.listen({ group: unique('group'), topics: [topic] }))
      await bench.log.send(numbers(10).map((n) => record(topic, n, { partition: Number(n) % 2 })))
      await bench.until(() => {
        for (const { texts } of listeners) expect(texts.sort()).toEqual(numbers(10))
      })
    })

    test('gives nothing once it is closed', async () => {
      const topic = await bench.topicOf(1)
      const group = unique('group')
      const first = bench.listen({ group, topics: [topic] })
      await bench.until(() => expect(first.held.size).toBe(1))
      await Promise.all([first.consumer.close(), first.consumer.close()])
      expect(first.held.size).toBe(0)
      await bench.log.send([record(topic, 'a')])
      expect((await bench.read(topic, 1)).texts).toEqual(['a'])
      expect(first.records).toEqual([])
    })
  })
}
