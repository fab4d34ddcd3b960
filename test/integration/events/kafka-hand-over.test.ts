/** Transactions of hand-overs (events/kafka/transactional-producer.ts) that do not end as they were meant to: both or nothing is there then. */
import { expect, test } from '@jest/globals'
import { setTimeout as delay } from 'node:timers/promises'
import type { EventLog } from '../../../events/event-log.ts'
import { holdNextTransaction } from '../../builders/held-transactions.ts'
import { useKafkaBed } from '../../builders/kafka-bed.ts'
import { describeOnKafka, kafkaForTests } from '../../builders/kafka-brokers.ts'
import { openKafkaEventLog } from '../../../events/kafka/kafka-event-log.ts'
import { QUICK } from '../../builders/kafka-bed.ts'
import { eventually } from '../../builders/eventually.ts'
import { codeOf, Listener, record, unique } from '../../conformance/event-log/harness.ts'

/** A broker looks every ten seconds for transactions that are too old. */
const BROKER_LOOKS_MS = 10_000

await describeOnKafka(
  'a transaction that hands over',
  () => {
    const bed = useKafkaBed()

    async function reading(log: EventLog) {
      const [topic, target, group] = [await bed.topicOf(1), await bed.topicOf(1), unique('dormouse.group')]
      await bed.log.send([record(topic, 'a'), record(topic, 'b')])
      const open = (by: EventLog) => bed.listen({ group, topics: [topic], handsOver: true }, by)
      const listener = open(log)
      await bed.until(() => expect(listener.texts).toEqual(['a', 'b']))
      const handOver = ({ consumer }: Listener, value: string, offset: number) =>
        consumer.handOver?.([record(target, value)], { topic, partition: 0, offset, metadata: '' }) ??
        Promise.reject(new Error('not offered'))
      const stored = async () => {
        const reader = bed.listen({ group: unique('reader'), topics: [target] })
        const end = unique('end')
        await bed.log.send([record(target, end)])
        await bed.until(() => expect(reader.texts).toContain(end))
        const committed = await bed.log.committed(group, [topic])
        return { values: reader.texts.filter((value) => !value.startsWith('end-')), offset: committed[0]?.offset ?? 0 }
      }
      return { topic, listener, open, handOver, stored }
    }

    test('is ended by who gets the partition while it is open, and cannot be committed any more', async () => {
      const [old, next] = [bed.open({ transactions: true }), bed.open({ transactions: true })]
      const { listener, open, handOver, stored } = await reading(old)
      const held = holdNextTransaction()
      const going = codeOf(handOver(listener, 'by the old', 1))
      await held.open
      void listener.consumer.close()
      const other = open(next)
      await bed.until(() => expect(other.texts).toEqual(['a', 'b']))
      held.release()
      expect(await going).toBe('not-assigned')
      await handOver(other, 'by the new', 1)
      expect(await stored()).toEqual({ values: ['by the new'], offset: 1 })
    })

    test('that the broker gives up is left, and the partition read again', async () => {
      const { listener, handOver, stored } = await reading(bed.open({ transactions: true, timeoutMs: 1_000 }))
      const held = holdNextTransaction()
      const going = codeOf(handOver(listener, 'too late', 1))
      await held.open
      await delay(3_000 + 1.5 * BROKER_LOOKS_MS)
      held.release()
      expect(await going).toBe('not-assigned')
      expect(listener.errors.map(({ message }) => message)).toEqual([
        expect.stringMatching(
          /^expected topic-\w+\/0 to be ours until its records were handed over: ending a transaction /,
        ),
      ])
      await bed.until(() => expect(listener.texts).toEqual(['a', 'b', 'a', 'b']))
      await handOver(listener, 'in time', 1)
      expect(await stored()).toEqual({ values: ['in time'], offset: 1 })
    })

    test('over which the broker is restarted is there as a whole or not at all', async () => {
      const { listener, handOver, stored } = await reading(bed.open({ transactions: true }))
      const held = holdNextTransaction()
      const going = codeOf(handOver(listener, 'over the restart', 1))
      await held.open
      await bed.kafka.kill(1)
      held.release()
      await delay(500)
      await bed.kafka.start(1)
      const code = await going
      const found = await stored()
      expect([
        { code: 'no error', values: ['over the restart'], offset: 1 },
        { code: 'not-assigned', values: ['over the restart'], offset: 1 },
        { code: 'not-assigned', values: [], offset: 0 },
      ]).toContainEqual({ code, ...found })
      // It goes on.
      await eventually('the next', async () => (await codeOf(handOver(listener, 'after', 2))) === 'no error', {
        withinMs: 60_000,
        everyMs: 500,
      })
      expect(await stored()).toEqual({ values: [...found.values, 'after'], offset: 2 })
    })
  },
  { ours: true },
)

await describeOnKafka(
  'brokers that cannot keep what transactions did',
  () => {
    test('are told of in one sentence, and nothing is read', async () => {
      const kafka = await kafkaForTests({ settings: { 'transaction.state.log.replication.factor': '3' } })
      const log = openKafkaEventLog({ ...QUICK, brokers: kafka.brokers, timeoutMs: 3_000, transactions: true })
      try {
        const topic = unique('topic')
        await log.send([record(topic, 'a')])
        const listener = new Listener(log, { group: unique('group'), topics: [topic], handsOver: true })
        await eventually('it is told', () => listener.errors.length > 0, { withinMs: 60_000 })
        expect(listener.errors[0]?.message).toMatch(
          /^asking for the transactional id group-\w+\/topic-\w+\/\d failed: .*; transaction\.state\.log\.replication\.factor and .* must not be more than brokers that are up$/,
        )
        expect(listener.texts).toEqual([])
      } finally {
        await log.close()
        await kafka.stop()
      }
    }, 240_000)
  },
  { ours: true },
)
