/** Records and answers that are out of the ordinary, among others that are not. */
import { expect, test } from '@jest/globals'
import { randomBytes } from 'node:crypto'
import { gunzipSync } from 'node:zlib'
import { CompressionTypes, Kafka, logLevel } from 'kafkajs'
import { EVENT_HEADER } from '../../../api/names.ts'
import { crc32c } from '../../../events/kafka/crc32c.ts'
import { textOf } from '../../../events/record-headers.ts'
import { deadLetterTopic } from '../../../events/topic-names.ts'
import { eventually } from '../../builders/eventually.ts'
import { describeOnKafka } from '../../builders/kafka-brokers.ts'
import { numbered, ok, useDispatchers } from './dispatchers-bed.ts'

const KIB = 1024
const AROUND = numbered(50)

await describeOnKafka('poison for a dispatcher process', () => {
  const bed = useDispatchers()
  const retry = { maxAttempts: 2, backoff: { initialMs: 100, factor: 1, maxMs: 100 }, maxAgeMs: 3_600_000 }

  test('as tombstones, large records and what is not JSON: each is called once or a dead letter, byte for byte', async () => {
    const world = await bed.trigger('poison', { partitions: 1 })
    const large = Buffer.from(JSON.stringify('x'.repeat(900 * KIB - 2)))
    const notJson = Buffer.concat([Buffer.from('{"a":'), randomBytes(1_000), Buffer.from([0xff, 0])])
    const key = Buffer.from([0, 0xff, 1])
    await world.send(
      ...AROUND,
      { key, value: null },
      { key, value: large },
      {
        key,
        value: notJson,
        headers: [
          ['h', Buffer.from([0xfe, 0])],
          ['h', Buffer.alloc(0)],
        ],
      },
      ...AROUND.map((n) => `${Number(n) + 100}`),
    )
    await world.done()
    const want = [...AROUND, 'null', large.toString(), ...AROUND.map((n) => `${Number(n) + 100}`)]
    expect(world.bodies().sort()).toEqual(want.sort())
    const dead = await world.deadLetters()
    expect(dead).toHaveLength(1)
    expect(dead[0]).toMatchObject({ key, value: notJson })
    expect(dead[0]?.headers.slice(0, 2)).toEqual([
      ['h', Buffer.from([0xfe, 0])],
      ['h', Buffer.alloc(0)],
    ])
    expect(textOf(dead[0]!.headers, EVENT_HEADER.errorClass)).toBe('decode')
    expect(textOf(dead[0]!.headers, EVENT_HEADER.attempt)).toBe('1')
    expect(await world.counts()).toMatchObject({
      ...{ attempts: { done: want.length, decode: 1 }, retries: {}, deadLetters: { decode: 1 } },
      ...{ held: 0, duplicatesSkipped: 0, publishFailures: 0 },
    })
  })

  test('as large records that always fail go through tiers and dead letters whole', async () => {
    const world = await bed.trigger('large', {
      answer: (_call, response) => void response.writeHead(500).end('no'),
      feed: { retry },
    })
    const values = [1, 2, 3].map(() => Buffer.from(JSON.stringify(randomBytes(675 * KIB).toString('base64'))))
    await world.send(...values.map((value) => ({ value })))
    await world.done()
    const dead = await world.deadLetters()
    const sorted = (all: Buffer[]) => all.map((each) => each.toString()).sort()
    expect(sorted(dead.map(({ value }) => value!))).toEqual(sorted(values))
    expect(world.calls.map(({ attempt }) => attempt).sort()).toEqual([1, 1, 1, 2, 2, 2])
    expect(sorted(world.calls.map(({ body }) => body))).toEqual(sorted([...values, ...values]))
    expect(await world.counts()).toMatchObject({
      ...{ attempts: { 'http-5xx': 6 }, retries: { 100: 3 }, deadLetters: { 'http-5xx': 3 }, publishFailures: 0 },
    })
  })

  test('as errors of 5 MB: tried as often as others, and the dead letter has a short message', async () => {
    const error = JSON.stringify({ errorType: 'E', errorMessage: 'x'.repeat(5 * KIB * KIB) })
    const world = await bed.trigger('errors', {
      answer: (call, response) =>
        call.body.toString() === '"bad"' ? void response.writeHead(500).end(error) : ok(call, response),
      feed: { retry },
    })
    await world.send(...AROUND, '"bad"', '"bad"', '"bad"')
    await world.done()
    expect(world.bodies().sort()).toEqual([...AROUND, ...Array<string>(6).fill('"bad"')].sort())
    const dead = await world.deadLetters()
    expect(dead.map(({ value }) => value?.toString())).toEqual(['"bad"', '"bad"', '"bad"'])
    for (const { headers } of dead) {
      const bytes = headers.reduce((sum, [, value]) => sum + value.length, 0)
      expect(bytes).toBeLessThan(4 * KIB)
      expect(textOf(headers, EVENT_HEADER.errorClass)).toBe('http-5xx')
    }
    expect(await world.counts()).toMatchObject({
      ...{ attempts: { done: AROUND.length, 'http-5xx': 6 }, retries: { 100: 3 }, deadLetters: { 'http-5xx': 3 } },
    })
  })

  /** More than a dispatcher decompresses, and less than a broker takes. */
  const bomb = (random = 0) => Buffer.concat([randomBytes(random), Buffer.alloc(65 * KIB * KIB)])

  async function sendBomb(topic: string, value: Buffer): Promise<void> {
    const producer = new Kafka({ brokers: [...bed.brokers], logLevel: logLevel.NOTHING }).producer()
    await producer.connect()
    // The broker hears of a setting a little after the controller has answered; what it refuses it does not store.
    const messages = [{ key: null, value }]
    const send = async () => (await producer.send({ topic, compression: CompressionTypes.GZIP, messages })).length > 0
    await eventually('its topic to take it', send, { withinMs: 60_000, everyMs: 200 })
    await producer.disconnect()
  }

  /** Of a dead letter that has the bytes of a batch: format, checksum and what was compressed in it. */
  function bombIn(bytes: Buffer): Buffer {
    expect([bytes.readInt8(16), bytes.readUInt32BE(17)]).toEqual([2, crc32c(bytes.subarray(21))])
    return gunzipSync(bytes.subarray(61))
  }

  const settings = (topic: string, name: string, value: string) =>
    bed.admin((admin) =>
      admin.alterConfigs({
        ...{ validateOnly: false, resources: [{ type: 2, name: topic, configEntries: [{ name, value }] }] },
      }),
    )

  test.each([
    ['unordered', undefined],
    ['key', undefined],
    ['partition', undefined],
    ['key', { size: 5, windowMs: 50, bisect: true }],
  ] as const)(
    'as a batch that cannot be decompressed becomes a dead letter with its bytes: ordering %s, batches %j',
    async (ordering, batch) => {
      const world = await bed.trigger('bomb', { partitions: 1, feed: { ordering, ...(batch && { batch }) } })
      const key = Buffer.from('k')
      await world.send(...AROUND.map((n) => ({ key, value: Buffer.from(n) })))
      await sendBomb(world.topic, bomb())
      await world.send(...AROUND.map((n) => ({ key, value: Buffer.from(`${Number(n) + 100}`) })))
      await world.done()
      const want = [...AROUND, ...AROUND.map((n) => `${Number(n) + 100}`)]
      expect(world.calls.flatMap(({ body }) => valuesOf(body))).toEqual(
        ordering === 'unordered' ? expect.anything() : want,
      )
      expect(world.calls.flatMap(({ body }) => valuesOf(body)).sort()).toEqual(want.sort())
      const [dead, ...more] = await world.deadLetters()
      expect([more, dead?.key]).toEqual([[], null])
      expect(bombIn(dead!.value!).length).toBeGreaterThan(65 * KIB * KIB)
      const text = (name: string) => textOf(dead!.headers, name)
      expect([
        text(EVENT_HEADER.errorClass),
        text(EVENT_HEADER.batchFirstOffset),
        text(EVENT_HEADER.batchLastOffset),
      ]).toEqual(['decode', '50', '50'])
      expect([text(EVENT_HEADER.originTopic), text(EVENT_HEADER.originPartition)]).toEqual([world.topic, '0'])
      expect(await world.counts()).toMatchObject({
        ...{
          attempts: { done: want.length, decode: 1 },
          retries: {},
          deadLetters: { decode: 1 },
          duplicatesSkipped: 0,
        },
      })
      expect(text(EVENT_HEADER.errorMessage)).toMatch(/^the batch of offsets 50 to 50 cannot be decoded: ./)
    },
  )

  test('as such a batch that is too large for one dead letter is in several, in parts', async () => {
    const world = await bed.trigger('large-bomb', { partitions: 1 })
    await settings(world.topic, 'max.message.bytes', String(4 * KIB * KIB))
    const value = bomb(2_500 * KIB)
    await sendBomb(world.topic, value)
    await world.send('1')
    await world.done()
    const dead = await world.deadLetters()
    const part = ({ headers }: (typeof dead)[number]) => textOf(headers, EVENT_HEADER.batchPart) ?? ''
    const parts = dead.sort((a, b) => (part(a) < part(b) ? -1 : 1))
    expect(parts.map(part)).toEqual(['1/3', '2/3', '3/3'])
    expect(bombIn(Buffer.concat(parts.map((each) => each.value!))).includes(value.subarray(0, 2_500 * KIB))).toBe(true)
  })

  test('as such a batch stays, uncommitted, while its dead letter cannot be stored', async () => {
    const world = await bed.trigger('stays', { partitions: 1, feed: { ordering: 'partition' } })
    const letters = deadLetterTopic({ kind: 'trigger', key: world.feed.trigger })
    // Such a topic takes no record without a key.
    const configEntries = [{ name: 'cleanup.policy', value: 'compact' }]
    await bed.admin((admin) => admin.createTopics({ topics: [{ topic: letters, numPartitions: 1, configEntries }] }))
    await world.send('0')
    await sendBomb(world.topic, bomb())
    await world.send('1')
    await eventually('the first is called', () => world.calls.length > 0, { withinMs: 60_000 })
    await expect(world.done(5_000)).rejects.toThrow('committed')
    expect([world.bodies(), await world.deadLetters()]).toEqual([['0'], []])
    await settings(letters, 'cleanup.policy', 'delete')
    await world.done()
    expect([world.bodies(), (await world.deadLetters()).length]).toEqual([['0', '1'], 1])
    const counts = await world.counts()
    expect(counts).toMatchObject({ attempts: { done: 2, decode: 1 }, deadLetters: { decode: 1 } })
    expect(counts.publishFailures).toBeGreaterThan(0)
  })
})

/** Of a record, or of a batch of them. */
function valuesOf(body: Buffer): string[] {
  const event = JSON.parse(body.toString()) as number | { records: Record<string, { value: string }[]> }
  if (typeof event === 'number') return [String(event)]
  return Object.values(event.records).flatMap((records) =>
    records.map(({ value }) => Buffer.from(value, 'base64').toString()),
  )
}
