import { expect, test } from '@jest/globals'
import { partitionName, type LogRecord } from '../../../events/event-log.ts'
import { readToEnd } from '../../../events/read-topic.ts'
import { CompressionTypes } from 'kafkajs'
import { gunzipSync } from 'node:zlib'
import { codeOf, header, numbers, record, text, unique } from '../../conformance/event-log/harness.ts'
import { describeOnKafka } from '../../builders/kafka-brokers.ts'
import { useKafkaBed } from '../../builders/kafka-bed.ts'

await describeOnKafka('records on a real Kafka', () => {
  const bed = useKafkaBed()

  /** The broker compresses anew what comes, as its own (Java) clients would. */
  test.each(['gzip', 'snappy', 'lz4', 'zstd', 'uncompressed'])(
    'compressed by the broker are read: %s',
    async (codec) => {
      const topic = unique(codec)
      const admin = bed.other.admin()
      await admin.connect()
      await admin.createTopics({
        topics: [{ topic, numPartitions: 1, configEntries: [{ name: 'compression.type', value: codec }] }],
      })
      await admin.disconnect()
      const texts = numbers(300).map((n) => `${n} ${'some text '.repeat(Number(n))}`)
      for (const at of [0, 100, 200])
        await bed.log.send(
          texts.slice(at, at + 100).map((text) => record(topic, text, { headers: [header('n', text)] })),
        )
      const listener = bed.listen({ group: unique('group'), topics: [topic] })
      await bed.until(() => expect(listener.texts).toEqual(texts))
      expect(listener.records.map(({ headers }) => headers[0]?.[1].toString())).toEqual(texts)
      expect(listener.errors).toEqual([])
    },
  )

  test('that cannot be decoded come as the bytes of their batch, in their place, and those around them are read', async () => {
    const topic = await bed.topicOf(2)
    const producer = bed.other.producer()
    await producer.connect()
    const send = (value: Buffer, compression = CompressionTypes.None) =>
      producer.send({ topic, compression, messages: [{ key: null, value, partition: 0 }] })
    await send(Buffer.from('before'))
    // More than we would decompress, and less than the broker takes.
    await send(Buffer.alloc(65 * 1024 * 1024), CompressionTypes.GZIP)
    await send(Buffer.from('after'))
    await producer.disconnect()
    await bed.log.send([record(topic, 'elsewhere', { partition: 1 })])
    const listener = bed.listen({ group: unique('group'), topics: [topic] })
    await bed.until(() => expect(listener.records).toHaveLength(4))
    const [before, batch, after] = listener.records.filter(({ partition }) => partition === 0)
    expect([before?.value?.toString(), after?.value?.toString()]).toEqual(['before', 'after'])
    expect(batch).toMatchObject({ offset: 1, key: null, headers: [], undecodable: { firstOffset: 1, lastOffset: 1 } })
    expect(gunzipSync(batch!.value!.subarray(61)).length).toBeGreaterThan(65 * 1024 * 1024)
    expect(listener.errors).toEqual([])
  })

  test('of transactions are read once they are committed; aborted ones never, nor do they count as a backlog', async () => {
    const topic = await bed.topicOf(1)
    const producer = bed.other.producer({ transactionalId: unique('tx'), maxInFlightRequests: 1, idempotent: true })
    await producer.connect()
    const listener = bed.listen({ group: unique('group'), topics: [topic] })
    // So large that a fetch ends with it, and the next begins at its marker.
    const large = 'b'.repeat(700_000)
    for (const [text, isKept] of [
      ['a', true],
      [large, false],
      ['c', true],
    ] as const) {
      const transaction = await producer.transaction()
      await transaction.send({ topic, messages: [{ value: text }] })
      await (isKept ? transaction.commit() : transaction.abort())
    }
    const open = await producer.transaction()
    await open.send({ topic, messages: [{ value: 'open' }] })
    await bed.until(() => expect(listener.texts).toEqual(['a', 'c']))
    const [ends] = await bed.log.endOffsets(topic)
    expect(ends).toEqual({ partition: 0, begin: 0, end: 6 })
    await open.commit()
    await producer.disconnect()
    await bed.until(() => expect(listener.texts).toEqual(['a', 'c', 'open']))
    // Its end is a marker, which nobody is handed.
    const texts: string[] = []
    const read = (records: readonly LogRecord[]) => void texts.push(...records.map(text))
    await readToEnd({ log: bed.log, topics: [topic], group: unique('reader'), onRecords: read })
    expect(texts).toEqual(['a', 'c', 'open'])
  })

  test('are what another client sees: bytes, headers, times, and the partition of the key', async () => {
    const topic = await bed.topicOf(6)
    const key = Buffer.from('foobar')
    const headers = [header('b', '1'), header('a', [0, 255]), header('b', '2')]
    const [position] = await bed.log.send([record(topic, 'text', { key, headers, timestampMs: 1_700_000_000_000 })])
    const consumer = bed.other.consumer({ groupId: unique('other') })
    await consumer.connect()
    await consumer.subscribe({ topic, fromBeginning: true })
    const seen: unknown[] = []
    await consumer.run({ eachMessage: async ({ partition, message }) => void seen.push({ partition, ...message }) })
    await bed.until(() => expect(seen).toHaveLength(1))
    await consumer.disconnect()
    expect(seen[0]).toMatchObject({
      ...{ partition: position?.partition, key, value: Buffer.from('text'), timestamp: '1700000000000' },
      headers: { a: Buffer.from([0, 255]), b: [Buffer.from('1'), Buffer.from('2')] },
    })
  })

  test('some of which are refused do not fail those that were sent beside them, in any order', async () => {
    const topic = await bed.topicOf(1)
    const huge = { ...record(topic, null), value: Buffer.alloc(3 * 1024 * 1024) }
    const ends = await Promise.all(
      numbers(20).map((n) => codeOf(bed.log.send([Number(n) % 5 === 0 ? huge : record(topic, n)]))),
    )
    expect(ends).toEqual(numbers(20).map((n) => (Number(n) % 5 === 0 ? 'too-large' : 'no error')))
    const listener = bed.listen({ group: unique('group'), topics: [topic] })
    await bed.until(() => expect(listener.texts).toEqual(numbers(20).filter((n) => Number(n) % 5 !== 0)))
  })

  test('without a key are refused for good by a topic that is compacted, and fail nobody beside them', async () => {
    const topic = unique('compacted')
    const admin = bed.other.admin()
    await admin.connect()
    await admin.createTopics({
      topics: [{ topic, numPartitions: 1, configEntries: [{ name: 'cleanup.policy', value: 'compact' }] }],
    })
    await admin.disconnect()
    const key = Buffer.from('k')
    const sent = [record(topic, 'a', { key }), record(topic, 'b'), record(topic, 'c', { key })]
    expect(await Promise.all(sent.map((each) => codeOf(bed.log.send([each]))))).toEqual([
      ...['no error', 'invalid-record', 'no error'],
    ])
  })

  test('sent to a topic that was deleted behind our back go to one that is made anew', async () => {
    const [topic, other] = [await bed.topicOf(3), await bed.topicOf(1)]
    await bed.log.send([record(topic, 'old'), record(other, 'a')])
    await bed.open().deleteTopics([topic])
    await Promise.all([bed.log.send([record(topic, 'new')]), bed.log.send([record(other, 'b')])])
    const listener = bed.listen({ group: unique('group'), topics: [topic, other] })
    await bed.until(() => expect(listener.texts.sort()).toEqual(['a', 'b', 'new']))
  })

  test('of many partitions are each handed over in order', async () => {
    const topic = await bed.topicOf(20)
    await bed.log.send(numbers(4_000).map((n) => record(topic, n, { partition: Number(n) % 20 })))
    const listener = bed.listen({ group: unique('group'), topics: [topic] })
    await bed.until(() => expect(listener.records).toHaveLength(4_000))
    const byPartition = Map.groupBy(listener.records, partitionName)
    for (const records of byPartition.values())
      expect(records.map(({ offset }) => offset)).toEqual(records.map((_, index) => index))
  })
})
