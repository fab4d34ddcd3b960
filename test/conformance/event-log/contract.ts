/** The EventLog port's promises (events/event-log.ts), each a test that runs unchanged against every adapter. */
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { EventLogError, MAX_RECORD_BYTES, type EventLog } from '../../../events/event-log.ts'
import { eventually } from '../../builders/eventually.ts'
import { header, keyOf, Listener, record, text, unique, type EventLogHarness } from './harness.ts'

export function eventLogContract(harness: EventLogHarness): void {
  describe(`the event log contract: ${harness.name}`, () => {
    let log: EventLog
    const listeners: Listener[] = []
    jest.setTimeout(4 * harness.patienceMs)
    beforeAll(async () => {
      log = await harness.start()
    })
    afterEach(async () => {
      await Promise.all(listeners.splice(0).map(({ consumer }) => consumer.close()))
    })
    afterAll(() => harness.stop())

    /** Until none of its expectations fails. */
    const until = (check: () => void) =>
      eventually('the expectations hold', () => (check(), true), { withinMs: harness.patienceMs })
    const listen = (...options: ConstructorParameters<typeof Listener> extends [unknown, infer O] ? [O] : never) => {
      const listener = new Listener(log, ...options)
      listeners.push(listener)
      return listener
    }
    const topicOf = async (partitions: number) => {
      const topic = unique('topic')
      await log.ensureTopics([{ topic, partitions }])
      return topic
    }
    const codeOf = async (action: Promise<unknown>) =>
      action.then(
        () => 'no error',
        (error: unknown) => (error instanceof EventLogError ? error.code : String(error)),
      )

    describe('topics', () => {
      test('are made once and stay as they are', async () => {
        const topic = await topicOf(3)
        await log.ensureTopics([{ topic, partitions: 5 }])
        expect(await log.describe([topic, 'no-such-topic'])).toMatchObject([{ topic, partitions: 3 }])
        expect((await log.describe()).map((each) => each.topic)).toContain(topic)
      })

      test('are made by the first record for them', async () => {
        const topic = unique('made')
        await log.send([record(topic, 'a')])
        const [found] = await log.describe([topic])
        expect(found?.partitions).toBeGreaterThan(0)
      })

      test('that are deleted take their records and positions along; made anew they begin at 0', async () => {
        const topic = await topicOf(1)
        const group = unique('group')
        await log.send([record(topic, 'old')])
        const first = listen({ group, topics: [topic] })
        await until(() => expect(first.texts).toEqual(['old']))
        await first.commitAll()
        await first.consumer.close()
        await log.deleteTopics([topic, 'no-such-topic'])
        expect(await log.describe([topic])).toEqual([])
        expect(await codeOf(log.endOffsets(topic))).toBe('unknown-topic')
        await log.ensureTopics([{ topic, partitions: 1 }])
        await log.send([record(topic, 'new')])
        const second = listen({ group, topics: [topic] })
        await until(() => expect(second.texts).toEqual(['new']))
        expect(second.records[0]?.offset).toBe(0)
      })

      test.each(['', '.', '..', 'with space', 'a/b', 'ä', 'x'.repeat(250)])('have no name like %j', async (topic) => {
        expect(await codeOf(log.ensureTopics([{ topic, partitions: 1 }]))).toBe('invalid-topic')
        expect(await codeOf(log.send([record(topic, 'a')]))).toBe('invalid-topic')
      })
    })

    describe('sending', () => {
      test('says where each record is, in order', async () => {
        const topic = await topicOf(1)
        const first = await log.send([record(topic, 'a'), record(topic, 'b')])
        const second = await log.send([record(topic, 'c')])
        const offsets = [...first, ...second].map(({ offset }) => offset)
        expect(offsets).toEqual([...offsets].sort((a, b) => a - b))
        expect(new Set(offsets).size).toBe(3)
        const [ends] = await log.endOffsets(topic)
        expect(ends).toMatchObject({ partition: 0, begin: 0 })
        expect(ends!.end).toBeGreaterThan(offsets.at(-1)!)
      })

      test('keeps bytes, order and repeats of headers, tombstones and missing keys as they are', async () => {
        const topic = await topicOf(1)
        const headers = [header('a', [0, 255]), header('b', ''), header('a', 'again'), header('ünïcode', 'ok')]
        const bytes = Buffer.from([0, 1, 128, 255])
        await log.send([
          { ...record(topic, null), key: bytes },
          { ...record(topic, null), value: bytes, headers },
          { ...record(topic, ''), key: Buffer.alloc(0) },
        ])
        const { records } = await read(topic, 3)
        expect(records.map(({ key, value }) => [key, value])).toEqual([
          [bytes, null],
          [null, bytes],
          [Buffer.alloc(0), Buffer.alloc(0)],
        ])
        expect(records[1]?.headers).toEqual(headers)
        expect(records[0]?.headers).toEqual([])
      })

      test('keeps the time it is given, else the time of sending', async () => {
        const topic = await topicOf(1)
        const before = Date.now()
        await log.send([record(topic, 'a', { timestampMs: 1_234_567_890_123 }), record(topic, 'b')])
        const { records } = await read(topic, 2)
        expect(records[0]?.timestampMs).toBe(1_234_567_890_123)
        expect(records[1]!.timestampMs).toBeGreaterThanOrEqual(before - 1_000)
        expect(records[1]!.timestampMs).toBeLessThanOrEqual(Date.now() + 1_000)
      })

      test('puts equal keys into one partition in the order they were sent, whoever sends', async () => {
        const topic = await topicOf(4)
        const sends = Array.from({ length: 200 }, (_, n) =>
          record(topic, `${n}`, { key: Buffer.from(`key-${n % 10}`) }),
        )
        for (let at = 0; at < 200; at += 25) await log.send(sends.slice(at, at + 25))
        const { records } = await read(topic, 200)
        for (let key = 0; key < 10; key++) {
          const own = records.filter((each) => each.key?.toString() === `key-${key}`)
          expect(new Set(own.map(({ partition }) => partition)).size).toBe(1)
          expect(own.map((each) => Number(text(each)))).toEqual(Array.from({ length: 20 }, (_, n) => n * 10 + key))
        }
        expect(new Set(records.map(({ partition }) => partition)).size).toBeGreaterThan(1)
      })

      test('takes a partition that is named, and refuses one that is not there', async () => {
        const topic = await topicOf(3)
        const [position] = await log.send([record(topic, 'a', { partition: 2, key: Buffer.from('k') })])
        expect(position?.partition).toBe(2)
        expect(await codeOf(log.send([record(topic, 'a', { partition: 3 })]))).toBe('unknown-topic')
      })

      test('takes a large record and refuses one that is too large, alone', async () => {
        const topic = await topicOf(1)
        const large = 'x'.repeat(900 * 1024)
        const tooLarge = log.send([{ ...record(topic, null), value: Buffer.alloc(2 * MAX_RECORD_BYTES) }])
        const [refused] = await Promise.all([codeOf(tooLarge), log.send([record(topic, large)])])
        expect(refused).toBe('too-large')
        expect((await read(topic, 1)).texts).toEqual([large])
      })

      test('of nothing is nothing', async () => expect(await log.send([])).toEqual([]))
    })

    async function read(topic: string, count: number): Promise<Listener> {
      const listener = listen({ group: unique('read'), topics: [topic] })
      await until(() => expect(listener.records.length).toBeGreaterThanOrEqual(count))
      return listener
    }

    describe('consuming', () => {
      test('begins at the first record or behind the last, as is wanted, where nothing is committed', async () => {
        const topic = await topicOf(2)
        await log.send(['a', 'b', 'c'].map((value, n) => record(topic, value, { partition: n % 2 })))
        const early = listen({ group: unique('early'), topics: [topic] })
        const late = listen({ group: unique('late'), topics: [topic], startFrom: 'latest' })
        await until(() => expect(early.texts.sort()).toEqual(['a', 'b', 'c']))
        await until(() => expect(late.held.size).toBe(2))
        await log.send([record(topic, 'd', { partition: 0 })])
        await until(() => expect(late.texts).toEqual(['d']))
        await until(() => expect(early.texts.sort()).toEqual(['a', 'b', 'c', 'd']))
      })

      test('reads a topic that did not exist from its first record, even from the latest', async () => {
        const topic = unique('later')
        const listener = listen({ group: unique('group'), topics: [topic], startFrom: 'latest' })
        await log.send([record(topic, 'first')])
        await until(() => expect(listener.texts).toEqual(['first']))
      })

      test('hands out each partition in order, and nothing of it while it is paused', async () => {
        const topic = await topicOf(2)
        const listener = listen({ group: unique('group'), topics: [topic], maxRecords: 7 })
        await until(() => expect(listener.held.size).toBe(2))
        listener.consumer.pause([
          { topic, partition: 1 },
          { topic: 'unknown', partition: 0 },
        ])
        for (let n = 0; n < 40; n++) await log.send([record(topic, `${n}`, { partition: n % 2 })])
        const of = (partition: number) => listener.records.filter((each) => each.partition === partition).map(text)
        await until(() => expect(of(0)).toHaveLength(20))
        expect(of(1)).toEqual([])
        listener.consumer.resume([{ topic, partition: 1 }])
        await until(() => expect(of(1)).toHaveLength(20))
        expect(of(0)).toEqual(Array.from({ length: 20 }, (_, n) => `${n * 2}`))
        expect(of(1)).toEqual(Array.from({ length: 20 }, (_, n) => `${n * 2 + 1}`))
      })

      test('goes on from where it is told to', async () => {
        const topic = await topicOf(1)
        const positions = await log.send(['a', 'b', 'c'].map((value) => record(topic, value)))
        const listener = listen({ group: unique('group'), topics: [topic] })
        await until(() => expect(listener.texts).toEqual(['a', 'b', 'c']))
        listener.consumer.seek({ topic, partition: 0 }, positions[1]!.offset)
        await until(() => expect(listener.texts).toEqual(['a', 'b', 'c', 'b', 'c']))
      })

      test('goes on after a receiver that failed, with the records it failed on', async () => {
        const topic = await topicOf(1)
        const seen: string[] = []
        let failures = 0
        const listener = listen({
          group: unique('group'),
          topics: [topic],
          onRecords: (_partition, records) => {
            if (failures++ === 0) throw new Error('not now')
            seen.push(...records.map(text))
          },
        })
        await log.send([record(topic, 'a')])
        await until(() => expect(seen).toEqual(['a']))
        expect(listener.errors.length).toBeGreaterThan(0)
      })

      test('follows a change of its topics', async () => {
        const [one, two] = [await topicOf(1), await topicOf(1)]
        const listener = listen({ group: unique('group'), topics: [one] })
        await until(() => expect(listener.held.size).toBe(1))
        listener.consumer.subscribe([two])
        await until(() => expect([...listener.held]).toEqual([`${two}/0`]))
        await log.send([record(one, 'no'), record(two, 'yes')])
        await until(() => expect(listener.texts).toEqual(['yes']))
      })
    })

    describe('groups', () => {
      test('share partitions: each has one reader, and all are read', async () => {
        const topic = await topicOf(6)
        const group = unique('group')
        const members = [1, 2, 3].map(() => listen({ group, topics: [topic] }))
        await until(() => {
          expect(members.map(({ held }) => held.size)).toEqual([2, 2, 2])
          expect(new Set(members.flatMap(({ held }) => [...held])).size).toBe(6)
        })
        await log.send(Array.from({ length: 60 }, (_, n) => record(topic, `${n}`, { partition: n % 6 })))
        await until(() => expect(members.flatMap(({ texts }) => texts)).toHaveLength(60))
        expect(new Set(members.flatMap(({ texts }) => texts)).size).toBe(60)
      })

      test('give a leaving member’s partitions to the others, at what it committed', async () => {
        const topic = await topicOf(2)
        const group = unique('group')
        const first = listen({ group, topics: [topic] })
        await until(() => expect(first.held.size).toBe(2))
        await log.send(['a', 'b'].map((value, partition) => record(topic, value, { partition })))
        await until(() => expect(first.texts.sort()).toEqual(['a', 'b']))
        await first.commitAll()
        await log.send([record(topic, 'c', { partition: 0 })])
        await until(() => expect(first.texts).toContain('c'))
        const second = listen({ group, topics: [topic] })
        await first.consumer.close()
        await until(() => expect(second.held.size).toBe(2))
        await until(() => expect(second.texts).toEqual(['c']))
      })

      test('hear of a revocation before it, and what is committed until then counts', async () => {
        const topic = await topicOf(1)
        const group = unique('group')
        const first = listen({ group, topics: [topic] })
        await log.send([record(topic, 'a')])
        await until(() => expect(first.texts).toEqual(['a']))
        first.beforeLetGo = () => first.commitAll('noted')
        await first.consumer.close()
        expect(first.revoked.map(keyOf)).toEqual([`${topic}/0`])
        const second = listen({ group, topics: [topic] })
        await until(() => expect(second.assigned).toHaveLength(1))
        expect(second.assigned[0]?.metadata).toBe('noted')
        await log.send([record(topic, 'b')])
        await until(() => expect(second.texts).toEqual(['b']))
      })

      test('may take nobody’s word for partitions it no longer reads', async () => {
        const topic = await topicOf(1)
        const group = unique('group')
        const first = listen({ group, topics: [topic] })
        await log.send([record(topic, 'a')])
        await until(() => expect(first.texts).toEqual(['a']))
        await first.consumer.close()
        expect(await codeOf(first.commitAll())).toBe('not-assigned')
        expect(await log.committed(group)).toEqual([])
      })

      test('see again what was not committed', async () => {
        const topic = await topicOf(1)
        const group = unique('group')
        await log.send(['a', 'b'].map((value) => record(topic, value)))
        const first = listen({ group, topics: [topic] })
        await until(() => expect(first.texts).toEqual(['a', 'b']))
        const { offset } = first.records[1]!
        await first.consumer.commit([{ topic, partition: 0, offset, metadata: 'm' }])
        expect(await log.committed(group, [topic])).toEqual([{ topic, partition: 0, offset, metadata: 'm' }])
        expect(await log.committed(group, ['other'])).toEqual([])
        await first.consumer.close()
        const second = listen({ group, topics: [topic] })
        await until(() => expect(second.texts).toEqual(['b']))
      })

      test('keep 4,000 bytes of metadata, and no more', async () => {
        const topic = await topicOf(1)
        const group = unique('group')
        const listener = listen({ group, topics: [topic] })
        await until(() => expect(listener.held.size).toBe(1))
        const metadata = 'm'.repeat(4_000)
        await listener.consumer.commit([{ topic, partition: 0, offset: 0, metadata }])
        expect((await log.committed(group))[0]?.metadata).toBe(metadata)
        const tooMuch = [{ topic, partition: 0, offset: 0, metadata: 'm'.repeat(5_000) }]
        expect(await codeOf(listener.consumer.commit(tooMuch))).toBe('too-large')
      })
    })
  })
}
