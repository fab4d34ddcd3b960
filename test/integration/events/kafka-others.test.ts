/** What operators see of a Trigger on a real broker where others were at its topics or in its group. */
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { Consumption } from '../../../events/consumption/consumption.ts'
import { Engine, type EngineLimits } from '../../../events/consumption/engine.ts'
import type { DeliveryOutcome } from '../../../events/delivery.ts'
import { monotonicClock, wallClock } from '../../../lib/clock.ts'
import { silentLogger } from '../../../lib/logger.ts'
import { DONE, newRecord, subscription, valueOf } from '../../builders/event-bed.ts'
import { eventually } from '../../builders/eventually.ts'
import { useKafkaBed } from '../../builders/kafka-bed.ts'
import { describeOnKafka } from '../../builders/kafka-brokers.ts'
import { unique } from '../../conformance/event-log/harness.ts'

await describeOnKafka('a Trigger on a real Kafka', () => {
  const bed = useKafkaBed()
  const consumptions: Consumption[] = []
  afterEach(async () => {
    await Promise.all(consumptions.splice(0).map((consumption) => consumption.close()))
  })

  const nothingLeft = (lags: () => Promise<object>) =>
    eventually(
      'no lag',
      async () => {
        expect(await lags()).toEqual({ lag: 0, behind: 0 })
        return true
      },
      { withinMs: 60_000, everyMs: 100 },
    )

  async function deleteRecords(topic: string, before: number): Promise<void> {
    const admin = bed.other.admin()
    await admin.connect()
    // kafkajs knows no topic that it was not asked about.
    await admin.fetchTopicOffsets(topic)
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: `${before}` }] })
    await admin.disconnect()
  }

  let handle: () => Promise<DeliveryOutcome>
  beforeEach(() => {
    handle = async () => DONE
  })

  async function trigger(limits: Partial<EngineLimits> = {}) {
    const topic = await bed.topicOf(1)
    const of = subscription({ key: `default/${unique('mailer')}`, topics: [topic] })
    const seen: string[] = []
    const engine = new Engine({
      ...{ log: bed.log, clock: monotonicClock, wall: wallClock, logger: silentLogger, limits },
      deliverer: {
        capacity: () => 50,
        deliver: async (_subscription, deliveries) => {
          seen.push(...deliveries.map(valueOf))
          return Promise.all(deliveries.map(() => handle()))
        },
      },
    })
    const group = unique('group')
    const consumption = new Consumption({ engine, group, startFrom: 'earliest' })
    consumptions.push(consumption)
    await consumption.setSubscriptions([of])
    const lags = async () => {
      const status = await consumption.status(of.key)
      const [committed] = await bed.log.committed(group, [topic])
      const [ends] = await bed.log.endOffsets(topic)
      return { lag: status?.lag, behind: (ends?.end ?? 0) - (committed?.offset ?? 0) }
    }
    const awake = () => [...consumption.states].map(({ due, startable }) => [due, startable.work])
    return { topic, seen, lags, awake }
  }

  test('has no lag behind the markers of transactions, in its status and for Kafka’s own tools', async () => {
    const { topic, seen, lags } = await trigger()
    const producer = bed.other.producer({ transactionalId: unique('tx'), maxInFlightRequests: 1, idempotent: true })
    await producer.connect()
    for (const [value, end] of [
      ['a', 'commit'],
      ['b', 'abort'],
    ] as const) {
      const transaction = await producer.transaction()
      await transaction.send({ topic, messages: [{ value }] })
      await transaction[end]()
    }
    await producer.disconnect()
    await bed.until(() => expect(seen).toEqual(['a']))
    await nothingLeft(lags)
  })

  test.each(['abort', 'commit'] as const)(
    'is kept awake by nothing of an open transaction, nor by what is behind it, and goes on in order at its %s',
    async (end) => {
      const { topic, seen, lags, awake } = await trigger()
      const producer = bed.other.producer({ transactionalId: unique('tx'), maxInFlightRequests: 1, idempotent: true })
      await producer.connect()
      await bed.log.send([newRecord('first', topic)])
      await nothingLeft(lags)
      const open = await producer.transaction()
      await open.send({ topic, messages: [{ value: 'within' }] })
      await bed.log.send([newRecord('behind', topic)])
      // Sent later and read: whoever read beyond it would have been handed those, too.
      const other = await trigger()
      await bed.log.send([newRecord('elsewhere', other.topic)])
      await bed.until(() => expect(other.seen).toEqual(['elsewhere']))
      expect([seen, awake(), await lags()]).toEqual([['first'], [[0, 0]], { lag: 0, behind: 0 }])
      await open[end]()
      await producer.disconnect()
      const want = end === 'abort' ? ['first', 'behind'] : ['first', 'within', 'behind']
      await bed.until(() => expect(seen).toEqual(want))
      await nothingLeft(lags)
      expect(awake()).toEqual([[0, 0]])
    },
  )

  test('has no lag once what it has not read was deleted, and goes on behind it', async () => {
    const { topic, seen, lags } = await trigger({ bufferedRecords: 1 })
    handle = () => blocked.promise
    const blocked = Promise.withResolvers<DeliveryOutcome>()
    await bed.log.send([newRecord('a', topic)])
    await bed.until(() => expect(seen).toEqual(['a']))
    await bed.log.send(['b', 'c'].map((each) => newRecord(each, topic)))
    await deleteRecords(topic, 3)
    blocked.resolve(DONE)
    await nothingLeft(lags)
    await bed.log.send([newRecord('d', topic)])
    await bed.until(() => expect(seen).toEqual(['a', 'd']))
    await nothingLeft(lags)
  })

  test('whose group another client is in says so, and begins once that has left', async () => {
    const topic = await bed.topicOf(1)
    const group = unique('group')
    const foreign = bed.other.consumer({ groupId: group })
    await foreign.connect()
    await foreign.subscribe({ topics: [topic] })
    const joined = new Promise((resolve) => foreign.on('consumer.group_join', resolve))
    await foreign.run({ eachMessage: async () => undefined })
    await joined
    const errors: string[] = []
    const texts: (string | undefined)[] = []
    const consumer = bed.log.consumer({
      ...{ group, topics: [topic], startFrom: 'earliest', onAssigned: () => undefined },
      onRevoked: async () => undefined,
      onRecords: (_, records) => void texts.push(...records.map(({ value }) => value?.toString())),
      onError: ({ message }) => void errors.push(message),
    })
    try {
      await bed.until(() => expect(errors).not.toEqual([]))
      expect(errors[0]).toContain(`${group}: the broker answered INCONSISTENT_GROUP_PROTOCOL (a client other than a`)
      await foreign.disconnect()
      await bed.log.send([newRecord('a', topic)])
      await bed.until(() => expect(texts).toEqual(['a']))
    } finally {
      await consumer.close()
    }
  })
})
