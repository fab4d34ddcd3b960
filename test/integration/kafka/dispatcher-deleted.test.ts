/** Triggers that are deleted while two dispatcher processes have records of them waiting, and records that fit nowhere. */
import { expect, test } from '@jest/globals'
import { Kafka, logLevel, ConfigResourceTypes } from 'kafkajs'
import { EVENT_HEADER } from '../../../api/names.ts'
import { textOf } from '../../../events/record-headers.ts'
import { deadLetterTopic, tiersAmong } from '../../../events/topic-names.ts'
import { describeOnKafka } from '../../builders/kafka-brokers.ts'
import { eventually } from '../../builders/eventually.ts'
import { fails, joined, numbered, ok, storedInTiers, useDispatchers, type Triggered } from './dispatchers-bed.ts'

const RECORDS = 200
const HOUR_MS = 3_600_000
const PATIENT = { withinMs: 60_000, everyMs: 200 }

await describeOnKafka('two dispatcher processes', () => {
  const bed = useDispatchers({ count: 2 })
  const backoff = { initialMs: HOUR_MS, factor: 1, maxMs: HOUR_MS }
  const retry = { maxAttempts: 5, backoff, maxAgeMs: 24 * HOUR_MS }
  const ownerOf = ({ feed }: Triggered) => ({ kind: 'trigger', key: feed.trigger }) as const
  const tiersOf = async (world: Triggered) =>
    tiersAmong(
      (await bed.log.describe()).map(({ topic }) => topic),
      ownerOf(world),
    )
  const deadOf = async (world: Triggered) =>
    (await world.deadLetters()).map(({ value }) => Number(value?.toString())).sort((a, b) => a - b)

  test.each([1, 4])(
    'whose Trigger of %d partitions is deleted leave each waiting record once as a dead letter, and no tier',
    async (partitions) => {
      const world = await bed.trigger(`deleted-${partitions}`, { partitions, feed: { retry }, answer: fails })
      await joined(bed, world, 2)
      await world.send(...numbered(RECORDS))
      await eventually('each called', () => world.calls.length === RECORDS, PATIENT)
      await eventually('all of them to wait', async () => (await storedInTiers(bed.log, world)) === RECORDS, PATIENT)
      bed.replace(world)
      await eventually('no tier', async () => (await tiersOf(world)).length === 0, PATIENT)
      expect(await deadOf(world)).toEqual(numbered(RECORDS).map(Number))
      const next = { ...world.feed, uid: `another-${partitions}`, startFrom: 'latest' as const }
      bed.replace(world, next)
      await joined(bed, { ...world, feed: next }, 2)
      expect(await deadOf(world)).toHaveLength(RECORDS)
    },
  )

  test('keep a record that fits into its topic and nowhere else in parts, and go on behind it', async () => {
    const value = Buffer.from('0123456789'.repeat(250_000))
    const answer = (call: { body: Buffer }, response: Parameters<typeof ok>[1]) =>
      call.body.length > 100 ? fails(call as never, response) : ok(call as never, response)
    const world = await bed.trigger('large', { partitions: 1, feed: { retry }, fn: { signature: 'http' }, answer })
    await joined(bed, world, 2)
    const resource = { type: ConfigResourceTypes.TOPIC, name: world.topic }
    await bed.admin((admin) =>
      admin.alterConfigs({
        validateOnly: false,
        resources: [{ ...resource, configEntries: [{ name: 'max.message.bytes', value: '4000000' }] }],
      }),
    )
    const producer = new Kafka({ brokers: [...bed.brokers], logLevel: logLevel.NOTHING }).producer()
    await producer.connect()
    // The broker hears of a setting a little after the controller has answered; what it refuses it does not store.
    const message = { key: 'k', value, headers: { mine: 'yes' } }
    const send = async () => (await producer.send({ topic: world.topic, messages: [message] })).length > 0
    await eventually('its topic to take it', send, PATIENT)
    await producer.disconnect()
    await world.send('next')
    await world.done()
    expect(new Set(world.bodies().map((body) => body.length))).toEqual(new Set([value.length, 4]))
    expect(world.calls).toHaveLength(2)
    const letters = await world.deadLetters()
    expect(Buffer.concat(letters.map((letter) => letter.value!)).equals(value)).toBe(true)
    const told = letters.map(({ key, headers }) => [
      key?.toString(),
      ...['mine', EVENT_HEADER.batchPart, EVENT_HEADER.errorClass].map((name) => textOf(headers, name)),
    ])
    expect(told).toEqual([1, 2, 3].map((part) => ['k', 'yes', `${part}/3`, 'too-large']))
  })

  test.each([
    ['it fails for good', 1],
    ['its Trigger is deleted', 5],
  ])('keep a record in small parts where %s and its dead letters take no larger ones', async (_, maxAttempts) => {
    const value = Buffer.from(JSON.stringify('0123456789'.repeat(60_000)))
    const world = await bed.trigger(`small-${maxAttempts}`, {
      partitions: 1,
      feed: { retry: { ...retry, maxAttempts } },
      answer: fails,
    })
    await joined(bed, world, 2)
    const topic = deadLetterTopic(ownerOf(world))
    const configEntries = [{ name: 'max.message.bytes', value: '100000' }]
    await bed.admin((admin) => admin.createTopics({ topics: [{ topic, numPartitions: 1, configEntries }] }))
    await world.send({ key: Buffer.from('k'), value })
    if (maxAttempts > 1) {
      await eventually('it waits', async () => (await storedInTiers(bed.log, world)) === 1, PATIENT)
      bed.replace(world)
      await eventually('no tier', async () => (await tiersOf(world)).length === 0, PATIENT)
    } else await world.done()
    const letters = await world.deadLetters()
    const parts = letters.map(({ headers }) => textOf(headers, EVENT_HEADER.batchPart))
    expect(parts).toEqual(letters.map((_letter, at) => `${at + 1}/${letters.length}`))
    expect(Buffer.concat(letters.map((letter) => letter.value!)).equals(value)).toBe(true)
  })
})
