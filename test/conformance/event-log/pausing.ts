import { describe, expect, test } from '@jest/globals'
import { setTimeout as delay } from 'node:timers/promises'
import { numbers, record, unique, useLog, type EventLogHarness } from './harness.ts'

export function describePausing(harness: EventLogHarness): void {
  describe('pausing and seeking', () => {
    const bench = useLog(harness)

    test('nothing of a paused partition comes until it is resumed; others are not held up', async () => {
      const topic = await bench.topicOf(2)
      const listener = bench.listen({ group: unique('group'), topics: [topic], maxRecords: 7 })
      await bench.until(() => expect(listener.held.size).toBe(2))
      listener.consumer.pause([
        { topic, partition: 1 },
        { topic: unique('none'), partition: 0 },
        { topic, partition: 9 },
      ])
      for (const n of numbers(40)) await bench.log.send([record(topic, n, { partition: Number(n) % 2 })])
      await bench.until(() => expect(listener.textsOf(0)).toHaveLength(20))
      expect(listener.textsOf(1)).toEqual([])
      listener.consumer.resume([
        { topic, partition: 1 },
        { topic, partition: 9 },
      ])
      await bench.until(() => expect(listener.textsOf(1)).toHaveLength(20))
      expect(listener.textsOf(0)).toEqual(numbers(40).filter((n) => Number(n) % 2 === 0))
      expect(listener.textsOf(1)).toEqual(numbers(40).filter((n) => Number(n) % 2 === 1))
    })

    test('a partition is read soon after it is resumed, though others have nothing new', async () => {
      const topic = await bench.topicOf(2)
      const listener = bench.listen({ group: unique('group'), topics: [topic] })
      await bench.until(() => expect(listener.held.size).toBe(2))
      const paused = [{ topic, partition: 1 }]
      const tookMs: number[] = []
      // One of them: a busy machine may be late at any.
      for (const n of numbers(3)) {
        listener.consumer.pause(paused)
        await bench.log.send([record(topic, `first${n}`, { partition: 1 }), record(topic, n, { partition: 0 })])
        await bench.until(() => expect(listener.textsOf(0)).toContain(n))
        // Behind what was read and waits: only a new read brings it.
        await bench.log.send([record(topic, `second${n}`, { partition: 1 })])
        await delay(300)
        const resumedMs = performance.now()
        listener.consumer.resume(paused)
        await bench.until(() => expect(listener.textsOf(1)).toContain(`second${n}`))
        tookMs.push(performance.now() - resumedMs)
      }
      expect(Math.min(...tookMs)).toBeLessThan(2_000)
    })

    test('a receiver that pauses in the middle of a backlog gets no more than that call', async () => {
      const topic = await bench.topicOf(1)
      const partition = { topic, partition: 0 }
      await bench.log.send(numbers(100).map((n) => record(topic, n)))
      const calls: number[] = []
      const listener = bench.listen({
        group: unique('group'),
        topics: [topic],
        maxRecords: 10,
        onRecords: (_partition, records) => {
          calls.push(records.length)
          listener.records.push(...records)
          listener.consumer.pause([partition])
        },
      })
      await bench.until(() => expect(calls).toHaveLength(1))
      // Another consumer reads everything meanwhile.
      await bench.read(topic, 100)
      expect(calls).toHaveLength(1)
      for (let before = 0; listener.records.length < 100; before = calls.length) {
        listener.consumer.resume([partition])
        await bench.until(() => expect(calls.length).toBeGreaterThan(before))
      }
      expect(listener.texts).toEqual(numbers(100))
    })

    test('a partition that was paused, revoked and assigned again is read again', async () => {
      const topic = await bench.topicOf(1)
      const listener = bench.listen({ group: unique('group'), topics: [topic] })
      await bench.until(() => expect(listener.held.size).toBe(1))
      listener.consumer.pause([{ topic, partition: 0 }])
      listener.consumer.subscribe([])
      await bench.until(() => expect(listener.held.size).toBe(0))
      listener.consumer.subscribe([topic])
      await bench.log.send([record(topic, 'a')])
      await bench.until(() => expect(listener.texts).toEqual(['a']))
    })

    test('a seek goes back to what was read', async () => {
      const topic = await bench.topicOf(1)
      const positions = await bench.log.send(['a', 'b', 'c'].map((value) => record(topic, value)))
      const listener = bench.listen({ group: unique('group'), topics: [topic] })
      await bench.until(() => expect(listener.texts).toEqual(['a', 'b', 'c']))
      listener.consumer.seek({ topic, partition: 0 }, positions[1]!.offset)
      await bench.until(() => expect(listener.texts).toEqual(['a', 'b', 'c', 'b', 'c']))
    })

    test('a seek passes over what is not wanted, and commits nothing', async () => {
      const topic = await bench.topicOf(1)
      const group = unique('group')
      const positions = await bench.log.send(numbers(10).map((n) => record(topic, n)))
      const seeker = bench.listen({
        group,
        topics: [topic],
        onAssigned: () => seeker.consumer.seek({ topic, partition: 0 }, positions[7]!.offset),
      })
      await bench.until(() => expect(seeker.texts).toEqual(['7', '8', '9']))
      expect(await bench.log.committed(group)).toEqual([])
    })

    test('a seek of a paused partition counts once it is resumed', async () => {
      const topic = await bench.topicOf(1)
      const positions = await bench.log.send(['a', 'b', 'c'].map((value) => record(topic, value)))
      const listener = bench.listen({ group: unique('group'), topics: [topic] })
      await bench.until(() => expect(listener.texts).toEqual(['a', 'b', 'c']))
      listener.consumer.pause([{ topic, partition: 0 }])
      listener.consumer.seek({ topic, partition: 0 }, positions[2]!.offset)
      expect(listener.texts).toEqual(['a', 'b', 'c'])
      listener.consumer.resume([{ topic, partition: 0 }])
      await bench.until(() => expect(listener.texts).toEqual(['a', 'b', 'c', 'c']))
    })
  })
}
