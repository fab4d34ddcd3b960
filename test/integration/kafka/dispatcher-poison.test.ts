/** Records and answers that are out of the ordinary, among others that are not. */
import { expect, test } from '@jest/globals'
import { randomBytes } from 'node:crypto'
import { CompressionTypes, Kafka, logLevel } from 'kafkajs'
import { EVENT_HEADER } from '../../../api/names.ts'
import { textOf } from '../../../events/record-headers.ts'
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
  })

  test('as a batch that cannot be decompressed costs only itself, and dispatchers go on', async () => {
    const world = await bed.trigger('bomb', { partitions: 1 })
    const producer = new Kafka({ brokers: [...bed.brokers], logLevel: logLevel.NOTHING }).producer()
    await producer.connect()
    await world.send(...AROUND)
    // More than a dispatcher decompresses, and less than a broker takes.
    await producer.send({
      ...{ topic: world.topic, compression: CompressionTypes.GZIP },
      messages: [{ key: null, value: Buffer.alloc(65 * KIB * KIB) }],
    })
    await producer.disconnect()
    await world.send(...AROUND.map((n) => `${Number(n) + 100}`))
    await world.done()
    expect(world.bodies().sort()).toEqual([...AROUND, ...AROUND.map((n) => `${Number(n) + 100}`)].sort())
  })
})
