import { describe, expect, test } from '@jest/globals'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { partitionName } from '../../../events/event-log.ts'
import { setTimeout as delay } from 'node:timers/promises'
import { CODES } from '../../../events/kafka/error-codes.ts'
import { Heartbeats } from '../../../events/kafka/heartbeats.ts'
import { KafkaClient } from '../../../events/kafka/kafka-client.ts'
import { Membership } from '../../../events/kafka/membership.ts'
import { readToEnd } from '../../../events/read-topic.ts'
import { silentLogger } from '../../../lib/logger.ts'
import { codeOf, Listener, numbers, record, text, unique } from '../../conformance/event-log/harness.ts'
import { describeOnKafka } from '../../builders/kafka-brokers.ts'
import { eventually } from '../../builders/eventually.ts'
import { countBrokers } from '../../../scripts/kafka/ask-broker.ts'
import { QUICK, useKafkaBed } from '../../builders/kafka-bed.ts'

/** Of groups of which a busy machine must leave nobody behind. */
const PATIENT = { sessionTimeoutMs: 60_000, rebalanceTimeoutMs: 60_000 }

await describeOnKafka(
  'faults of a real Kafka',
  () => {
    const bed = useKafkaBed()

    /** Sends one by one until told to stop; remembers what was acknowledged. */
    function sendOn(topic: string) {
      const acknowledged: string[] = []
      let isOver = false
      const sending = (async () => {
        for (let n = 0; !isOver; n++) {
          const sent = await codeOf(bed.log.send([record(topic, `${n}`, { key: Buffer.from(`k${n % 5}`) })]))
          if (sent === 'no error') acknowledged.push(`${n}`)
          await delay(5)
        }
      })()
      const stop = async () => {
        isOver = true
        await sending
        return acknowledged
      }
      return { acknowledged, stop }
    }

    function committing(listener: Listener): Listener {
      listener.beforeLetGo = () => listener.commitAll().catch(() => undefined)
      return listener
    }

    async function deleteBefore(topic: string, offset: number): Promise<void> {
      const admin = bed.other.admin()
      await admin.connect()
      // kafkajs knows no topic that it was not asked about.
      await admin.fetchTopicOffsets(topic)
      await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: `${offset}` }] })
      await admin.disconnect()
    }

    describe('a broker', () => {
      test('that is killed and comes back costs no record, and none is stored twice', async () => {
        const topic = await bed.topicOf(3)
        const listener = committing(bed.listen({ group: unique('group'), topics: [topic] }))
        const { acknowledged, stop } = sendOn(topic)
        await bed.until(() => expect(listener.records.length).toBeGreaterThan(20))
        await bed.kafka.kill(1)
        await delay(3_000)
        await bed.kafka.start(1)
        const before = acknowledged.length
        await bed.until(() => expect(acknowledged.length).toBeGreaterThan(before + 20), 60_000)
        const sent = await stop()
        await bed.until(() => expect(listener.texts).toEqual(expect.arrayContaining(sent)), 60_000)
        const offsets = new Map(
          listener.records.map((each) => [`${partitionName(each)}/${each.offset}`, each.value?.toString()]),
        )
        expect(new Set(offsets.values()).size).toBe(offsets.size)
      })

      test('that cannot be reached is no error until something is asked, then it is unavailable; consumers join later', async () => {
        const topic = await bed.topicOf(1)
        await bed.log.send([record(topic, 'a')])
        await bed.kafka.kill(1)
        const log = bed.open({ timeoutMs: 3_000 })
        const listener = bed.listen({ group: unique('group'), topics: [topic] }, log)
        const calls = [
          log.send([record(topic, 'b')]),
          log.describe(),
          log.endOffsets(topic),
          log.committed('group'),
          log.ensureTopics([{ topic: unique('topic'), partitions: 1 }]),
          log.deleteTopics([topic]),
        ]
        const codes = await Promise.all(calls.map(codeOf))
        await bed.kafka.start(1)
        expect(codes).toEqual(calls.map(() => 'unavailable'))
        await bed.until(() => expect(listener.texts).toEqual(['a']), 60_000)
        expect(listener.errors.length).toBeGreaterThan(0)
        expect(await codeOf(log.send([record(topic, 'c')]))).toBe('no error')
        await bed.until(() => expect(listener.texts).toEqual(['a', 'c']))
      })

      test('that does not answer in time has the records or not, and never takes later ones for them', async () => {
        const topic = await bed.topicOf(1)
        const log = bed.open({ timeoutMs: 3_000 })
        await log.send([record(topic, 'first')])
        bed.kafka.freeze(1)
        // Each of its threads stops when its turn comes.
        const [host = '', port] = bed.kafka.brokers[0]!.split(':')
        const isSilent = () => codeOf(countBrokers(host, Number(port))).then((code) => code !== 'no error')
        await eventually('it answers nothing', isSilent, { withinMs: 30_000 })
        await delay(200)
        expect(await codeOf(log.send([record(topic, 'late')]))).toBe('unavailable')
        bed.kafka.thaw(1)
        const sent: string[] = []
        for (const text of numbers(10))
          if ((await codeOf(log.send([record(topic, text)]))) === 'no error') sent.push(text)
        expect(sent.length).toBeGreaterThan(5)
        const listener = bed.listen({ group: unique('group'), topics: [topic] })
        await bed.until(() => expect(listener.texts.at(-1)).toBe(sent.at(-1)))
        for (const text of ['first', ...sent]) expect(listener.texts.filter((each) => each === text)).toEqual([text])
      })

      test('that is silent for longer than the session keeps nobody from going on where he was', async () => {
        const topic = await bed.topicOf(2)
        const group = unique('group')
        const members = [1, 2].map(() => committing(bed.listen({ group, topics: [topic] })))
        await bed.until(() => expect(members.map(({ held }) => held.size)).toEqual([1, 1]))
        await bed.log.send(numbers(20).map((n) => record(topic, n, { partition: Number(n) % 2 })))
        await bed.until(() => expect(members.flatMap(({ texts }) => texts)).toHaveLength(20))
        await Promise.all(members.map((member) => member.commitAll()))
        bed.kafka.freeze(1)
        await delay(8_000)
        bed.kafka.thaw(1)
        await bed.log.send([record(topic, 'a', { partition: 0 }), record(topic, 'b', { partition: 1 })])
        const seen = () => members.flatMap(({ texts }) => texts)
        await bed.until(() => expect(seen()).toEqual(expect.arrayContaining(['a', 'b'])), 60_000)
        // Each member may have got what nobody has committed before the group made up its mind who holds what; of the others nobody gets one again.
        const committed = new Set(numbers(20))
        expect(seen().filter((text) => committed.has(text))).toHaveLength(20)
      })
    })

    describe('a disk', () => {
      test('that has lost a bit of a batch costs that batch: its bytes are handed over, and those around it read', async () => {
        const topic = await bed.topicOf(1)
        for (const text of ['a', 'bbbb', 'c']) await bed.log.send([record(topic, text)])
        await bed.kafka.shutDown(1)
        const file = join(bed.kafka.dataOf(1), `${topic}-0`, '00000000000000000000.log')
        const bytes = readFileSync(file)
        const at = bytes.indexOf('bbbb')
        bytes[at] = bytes[at]! ^ 1
        writeFileSync(file, bytes)
        await bed.kafka.start(1)
        const listener = bed.listen({ group: unique('group'), topics: [topic] })
        await bed.until(() => expect(listener.records).toHaveLength(3), 60_000)
        const [before, damaged, after] = listener.records
        expect([before?.value?.toString(), after?.value?.toString()]).toEqual(['a', 'c'])
        expect(damaged).toMatchObject({ offset: 1, undecodable: { firstOffset: 1, lastOffset: 1 } })
        expect(damaged?.undecodable?.reason).toContain('checksum')
        expect(bytes.includes(damaged!.value!)).toBe(true)
        // What reads to the end of a topic ends.
        const read: number[] = []
        await readToEnd({
          ...{ log: bed.log, topics: [topic], group: unique('group') },
          onRecords: (records) => void read.push(...records.map(({ offset }) => offset)),
        })
        expect(read).toEqual([0, 1, 2])
      })
    })

    describe('a group', () => {
      test('takes no commit of a generation that is over, and nobody’s offset moves', async () => {
        const topic = await bed.topicOf(1)
        const group = unique('group')
        const signal = new AbortController().signal
        // The group has a coordinator, which takes a moment when the broker has just started.
        const early = bed.listen({ group, topics: [topic] })
        await bed.until(() => expect(early.held.size).toBe(1))
        await early.consumer.close()
        const client = () => new KafkaClient({ brokers: bed.kafka.brokers, logger: silentLogger })
        const [first, second] = [client(), client()]
        const [old, young] = [first, second].map(
          (each) => new Membership({ ...QUICK, ...PATIENT, client: each, heartbeats: new Heartbeats(each), group }),
        )
        const generation = await old!.join([topic], signal)
        const offset = (at: number) => [{ topic, partition: 0, offset: at, metadata: '' }]
        await old!.commit(generation, offset(1))
        const joining = young!.join([topic], signal)
        while ((await old!.heartbeat(generation)) === 'ok') await delay(20)
        // Until it joins again, or is left behind, what it commits still counts.
        await old!.commit(generation, offset(2))
        const [next] = await Promise.all([joining, old!.join([topic], signal)])
        await expect(old!.commit(generation, offset(9))).rejects.toMatchObject({ code: CODES.ILLEGAL_GENERATION })
        expect(await old!.heartbeat(generation)).toBe('lost')
        expect(await bed.log.committed(group)).toEqual(offset(2))
        await young!.commit(next, offset(3))
        expect(await bed.log.committed(group)).toEqual(offset(3))
        await Promise.all([old!.leave(), young!.leave()])
        await Promise.all([first.close(), second.close()])
      })

      test('is left at once by a member that is closed while it waits for others to join', async () => {
        const topic = await bed.topicOf(1)
        const group = unique('group')
        // Nobody is left behind before half a minute.
        const log = bed.open({ ...PATIENT })
        const slow = bed.listen({ group, topics: [topic] }, log)
        await bed.until(() => expect(slow.held.size).toBe(1))
        const mayGo = Promise.withResolvers<void>()
        slow.beforeLetGo = () => mayGo.promise
        const waiting = new Listener(log, { group, topics: [topic] })
        await bed.until(() => expect(slow.revoked).toHaveLength(1))
        const startedMs = performance.now()
        await waiting.consumer.close()
        expect(performance.now() - startedMs).toBeLessThan(PATIENT.rebalanceTimeoutMs / 4)
        mayGo.resolve()
        await bed.until(() => expect(slow.held.size).toBe(1))
        expect(waiting.assigned).toEqual([])
      })
    })

    describe('a topic', () => {
      test('that gets more partitions is read in them from their start, even from the latest', async () => {
        const topic = await bed.topicOf(1)
        await bed.log.send([record(topic, 'old')])
        const listener = bed.listen({ group: unique('group'), topics: [topic], startFrom: 'latest' })
        await bed.until(() => expect(listener.held.size).toBe(1))
        const admin = bed.other.admin()
        await admin.connect()
        await admin.createPartitions({ topicPartitions: [{ topic, count: 3 }] })
        await admin.disconnect()
        await bed.open().send([record(topic, 'b', { partition: 1 }), record(topic, 'c', { partition: 2 })])
        await bed.until(() => expect(listener.held.size).toBe(3))
        await bed.until(() => expect(listener.texts.sort()).toEqual(['b', 'c']))
      })

      test('of which records were deleted before they were read is read on from what is left, and somebody is told', async () => {
        const topic = await bed.topicOf(1)
        const partition = { topic, partition: 0 }
        const listener = bed.listen({
          ...{ group: unique('group'), topics: [topic], maxRecords: 1 },
          onRecords: (_partition, records) => {
            listener.records.push(...records)
            listener.consumer.pause([partition])
          },
        })
        await bed.log.send([record(topic, 'a')])
        await bed.until(() => expect(listener.texts).toEqual(['a']))
        await bed.log.send(numbers(10).map((n) => record(topic, n)))
        await deleteBefore(topic, 9)
        const resume = setInterval(() => listener.consumer.resume([partition]), 20)
        await bed.until(() => expect(listener.texts).toEqual(['a', '8', '9']))
        clearInterval(resume)
        expect(listener.errors.map(({ message }) => message)).toEqual([expect.stringContaining('begins at 9')])
      })

      test('whose commits are older than what is left begins at what is left', async () => {
        const topic = await bed.topicOf(1)
        const group = unique('group')
        await bed.log.send(numbers(10).map((n) => record(topic, n)))
        const first = bed.listen({ group, topics: [topic] })
        await bed.until(() => expect(first.texts).toHaveLength(10))
        await first.consumer.commit([{ topic, partition: 0, offset: 2, metadata: 'marks' }])
        await first.consumer.close()
        await deleteBefore(topic, 7)
        const second = bed.listen({ group, topics: [topic] })
        await bed.until(() => expect(second.texts).toEqual(['7', '8', '9']))
        expect(second.assigned).toEqual([{ topic, partition: 0, position: 7, metadata: 'marks', metadataOffset: 2 }])
      })

      test('that ends before what was committed is read from its start, though that is committed again at every hand-over', async () => {
        const topic = await bed.topicOf(1)
        const group = unique('group')
        const first = bed.listen({ group, topics: [topic] })
        await bed.until(() => expect(first.held.size).toBe(1))
        const beyond = { topic, partition: 0, offset: 20, metadata: '' }
        await first.consumer.commit([beyond])
        await first.consumer.close()
        await bed.log.send(numbers(5).map((n) => record(topic, n)))
        const second = bed.listen({ group, topics: [topic] })
        second.beforeLetGo = () =>
          (second.records.length > 0 ? second.commitAll() : second.consumer.commit([beyond])).catch(() => undefined)
        await bed.until(() => expect(second.texts).toEqual(numbers(5)))
        expect(second.assigned.length).toBeLessThanOrEqual(3)
        await second.commitAll()
        expect(await bed.log.committed(group)).toMatchObject([{ offset: 5 }])
      })

      test('whose oldest records were deleted is read from its start all the same by who asks for that', async () => {
        const topic = await bed.topicOf(1)
        await bed.log.send(numbers(10).map((n) => record(topic, n)))
        await deleteBefore(topic, 5)
        const texts: string[] = []
        await readToEnd({
          ...{ log: bed.log, topics: [topic], group: unique('group'), fromBeginning: true },
          onRecords: (records) => void texts.push(...records.map(text)),
        })
        expect(texts).toEqual(['5', '6', '7', '8', '9'])
      })

      test('that another deletes and makes anew at once is read from its start', async () => {
        const topic = await bed.topicOf(1)
        await bed.log.send(numbers(20).map((n) => record(topic, n)))
        const listener = bed.listen({ group: unique('group'), topics: [topic] })
        await bed.until(() => expect(listener.texts).toHaveLength(20))
        await listener.commitAll()
        const other = bed.open()
        await other.deleteTopics([topic])
        await other.ensureTopics([{ topic, partitions: 1 }])
        await other.send([record(topic, 'new')])
        await bed.until(() => expect(listener.texts.at(-1)).toBe('new'))
        expect(listener.texts).toHaveLength(21)
      })
    })
  },
  { ours: true },
)
