import { describe, expect, test } from '@jest/globals'
import { MAX_RECORD_BYTES } from '../../../events/event-log.ts'
import { codeOf, header, numbers, record, text, unique, useLog, type EventLogHarness } from './harness.ts'

/** Of six: what Kafka's own producers do with these keys (murmur2, as in its UtilsTest). */
const PLACES: Record<string, number> = {
  '21': 1_173_551_340 % 6,
  foobar: 1_357_151_166 % 6,
  'a-little-bit-long-string': 1_161_502_112 % 6,
  'a-little-bit-longer-string': 661_178_819 % 6,
  lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8: 2_088_585_677 % 6,
  abc: 479_470_107 % 6,
}

export function describeSending(harness: EventLogHarness): void {
  describe('sending', () => {
    const bench = useLog(harness)

    test('says where each record is, in order', async () => {
      const topic = await bench.topicOf(1)
      const first = await bench.log.send([record(topic, 'a'), record(topic, 'b')])
      const second = await bench.log.send([record(topic, 'c')])
      const offsets = [...first, ...second].map(({ offset }) => offset)
      expect(offsets).toEqual([...offsets].sort((a, b) => a - b))
      expect(new Set(offsets).size).toBe(3)
      const [ends] = await bench.log.endOffsets(topic)
      expect(ends).toMatchObject({ partition: 0, begin: 0 })
      expect(ends!.end).toBeGreaterThan(offsets.at(-1)!)
      expect((await bench.read(topic, 3)).records.map(({ offset }) => offset)).toEqual(offsets)
    })

    test('goes to several topics at once', async () => {
      const [one, two] = [await bench.topicOf(1), await bench.topicOf(1)]
      const positions = await bench.log.send([record(two, 'b'), record(one, 'a'), record(two, 'c')])
      expect(positions.map(({ topic }) => topic)).toEqual([two, one, two])
      expect((await bench.read(two, 2)).texts).toEqual(['b', 'c'])
      expect((await bench.read(one, 1)).texts).toEqual(['a'])
    })

    test('keeps bytes, order and repeats of headers, tombstones and missing keys as they are', async () => {
      const topic = await bench.topicOf(1)
      const headers = [header('a', [0, 255]), header('b', ''), header('a', 'again'), header('ünïcode', 'ok')]
      const bytes = Buffer.from([0, 1, 128, 255])
      await bench.log.send([
        { ...record(topic, null), key: bytes },
        { ...record(topic, null), value: bytes, headers },
        { ...record(topic, ''), key: Buffer.alloc(0) },
      ])
      const { records } = await bench.read(topic, 3)
      expect(records.map(({ key, value }) => [key, value])).toEqual([
        [bytes, null],
        [null, bytes],
        [Buffer.alloc(0), Buffer.alloc(0)],
      ])
      expect(records.map((each) => each.headers)).toEqual([[], headers, []])
    })

    test('keeps the time it is given, else the time of sending', async () => {
      const topic = await bench.topicOf(1)
      const before = Date.now()
      const givenMs = before - 3_600_000
      await bench.log.send([record(topic, 'a', { timestampMs: givenMs }), record(topic, 'b')])
      const { records } = await bench.read(topic, 2)
      expect(records[0]?.timestampMs).toBe(givenMs)
      expect(records[1]!.timestampMs).toBeGreaterThanOrEqual(before - 1_000)
      expect(records[1]!.timestampMs).toBeLessThanOrEqual(Date.now() + 1_000)
    })

    test('puts equal keys into one partition in the order they were sent', async () => {
      const topic = await bench.topicOf(4)
      const sends = numbers(200).map((n) => record(topic, n, { key: Buffer.from(`key-${Number(n) % 10}`) }))
      for (let at = 0; at < 200; at += 25) await bench.log.send(sends.slice(at, at + 25))
      const { records } = await bench.read(topic, 200)
      for (let key = 0; key < 10; key++) {
        const own = records.filter((each) => each.key?.toString() === `key-${key}`)
        expect(new Set(own.map(({ partition }) => partition)).size).toBe(1)
        expect(own.map((each) => Number(text(each)))).toEqual(Array.from({ length: 20 }, (_, n) => n * 10 + key))
      }
      expect(new Set(records.map(({ partition }) => partition)).size).toBeGreaterThan(1)
    })

    test('keeps the order of sends that do not wait for each other', async () => {
      const topic = await bench.topicOf(3)
      const key = Buffer.from('one')
      await Promise.all(numbers(100).map((n) => bench.log.send([record(topic, n, { key })])))
      expect((await bench.read(topic, 100)).texts).toEqual(numbers(100))
    })

    test('puts a key where every log puts it', async () => {
      const topic = await bench.topicOf(6)
      const keys = Object.keys(PLACES)
      const positions = await bench.log.send(keys.map((key) => record(topic, 'a', { key: Buffer.from(key) })))
      expect(Object.fromEntries(keys.map((key, at) => [key, positions[at]?.partition]))).toEqual(PLACES)
    })

    test('takes a partition that is named, and refuses one that is not there', async () => {
      const topic = await bench.topicOf(3)
      const [position] = await bench.log.send([record(topic, 'a', { partition: 2, key: Buffer.from('k') })])
      expect(position?.partition).toBe(2)
      expect(await codeOf(bench.log.send([record(topic, 'a', { partition: 3 })]))).toBe('unknown-topic')
    })

    test('takes a large record and refuses one that is too large, alone', async () => {
      const topic = await bench.topicOf(1)
      const large = 'x'.repeat(900 * 1024)
      const tooLarge = bench.log.send([{ ...record(topic, null), value: Buffer.alloc(2 * MAX_RECORD_BYTES) }])
      const [refused] = await Promise.all([codeOf(tooLarge), bench.log.send([record(topic, large)])])
      expect(refused).toBe('too-large')
      expect((await bench.read(topic, 1)).texts).toEqual([large])
    })

    test('counts key and headers, too', async () => {
      const topic = await bench.topicOf(1)
      const half = Buffer.alloc(MAX_RECORD_BYTES)
      const big = { ...record(topic, 'a'), key: half, headers: [['a', half] as const] }
      expect(await codeOf(bench.log.send([big]))).toBe('too-large')
    })

    test('of nothing is nothing', async () => expect(await bench.log.send([])).toEqual([]))

    test('is not held up by who reads', async () => {
      const topic = await bench.topicOf(1)
      const listener = bench.listen({ group: unique('group'), topics: [topic] })
      await bench.until(() => expect(listener.held.size).toBe(1))
      listener.consumer.pause([{ topic, partition: 0 }])
      for (let at = 0; at < 20; at++) await bench.log.send(numbers(100).map((n) => record(topic, n)))
      const [ends] = await bench.log.endOffsets(topic)
      expect(ends!.end).toBeGreaterThanOrEqual(2_000)
      expect(listener.records).toEqual([])
    })
  })
}
