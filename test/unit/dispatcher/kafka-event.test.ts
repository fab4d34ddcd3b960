import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { batchOutcomes, kafkaEvent } from '../../../dispatcher/deliver/kafka-event.ts'
import type { Delivery } from '../../../events/delivery.ts'
import { delivery } from '../../builders/delivery.ts'

interface Event {
  eventSource: string
  records: Record<string, { offset: number; key?: string; value?: string; headers: Record<string, number[]>[] }[]>
}

const event = (deliveries: readonly Delivery[], limitBytes = 1e9, bootstrapServers = '') =>
  kafkaEvent(deliveries, { limitBytes, bootstrapServers })
const parse = (...of: Parameters<typeof event>) => JSON.parse(event(...of).body.toString()) as Event

describe("Lambda's Kafka event", () => {
  test('has the records by topic and partition, keys and values in base64, headers as lists of bytes', () => {
    const deliveries = [
      delivery({ offset: 1, key: 'k', value: 'v', headers: { h: 'a' } }),
      delivery({ partition: 1, offset: 5, value: null }),
      delivery({ offset: 2, value: '' }),
    ]
    const timestamp = Date.parse('2026-01-31T12:00:00Z')
    const base = { topic: 'orders', timestamp, timestampType: 'CREATE_TIME' }
    expect(parse(deliveries)).toEqual({
      eventSource: 'SelfManagedKafka',
      bootstrapServers: '',
      records: {
        'orders-0': [
          { ...base, partition: 0, offset: 1, key: 'aw==', value: 'dg==', headers: [{ h: [97] }] },
          { ...base, partition: 0, offset: 2, value: '', headers: [] },
        ],
        'orders-1': [{ ...base, partition: 1, offset: 5, headers: [] }],
      },
    })
  })

  test('shows a retried record as it stood in its source: origin, and none of our headers', () => {
    const headers = { mine: 'x', 'dormouse-attempt': '2', 'dormouse-origin-topic': 'orders' }
    const origin = { topic: 'orders', partition: 3, offset: 40, timestampMs: 9 }
    const [record] = parse([delivery({ topic: 'dormouse.a.b.retry.1', headers }, { origin })]).records['orders-3']!
    expect(record).toMatchObject({ topic: 'orders', partition: 3, offset: 40, timestamp: 9 })
    expect(record?.headers).toEqual([{ mine: [120] }])
  })

  test('has bytes of headers as Lambda has them, with a sign, and repeats of a name', () => {
    const record = delivery()
    const headers = [['h', Buffer.from('aë')] as const, ['h', Buffer.from([0, 127, 128, 255])] as const]
    const [only] = parse([{ ...record, record: { ...record.record, headers } }]).records['orders-0']!
    expect(only?.headers).toEqual([{ h: [97, -61, -85] }, { h: [0, 127, -128, -1] }])
    expect(Buffer.from(only!.headers[0]!['h']!).toString()).toBe('aë')
  })

  test('names the brokers', () => {
    expect(parse([delivery()], 1e9, 'a:9092,b:9092')).toHaveProperty('bootstrapServers', 'a:9092,b:9092')
  })

  test('has as many of the records as fit, from the first on, and never none', () => {
    const sizes = fc.array(fc.nat(400), { minLength: 1, maxLength: 20 })
    fc.assert(
      fc.property(sizes, fc.integer({ min: 80, max: 2_000 }), (lengths, limit) => {
        const all = lengths.map((length, offset) =>
          delivery({ offset, topic: `t${offset % 3}`, value: 'é'.repeat(length) }),
        )
        let left = all
        const seen: number[] = []
        while (left.length > 0) {
          const { body, count } = event(left, limit)
          const offsets = Object.values((JSON.parse(body.toString()) as Event).records).flatMap((records) =>
            records.map(({ offset }) => offset),
          )
          expect(offsets).toHaveLength(count)
          expect(count).toBeGreaterThan(0)
          if (count > 1) expect(body.length).toBeLessThanOrEqual(limit)
          // One more would not have fitted.
          if (count < left.length) expect(event(left.slice(0, count + 1)).body.length).toBeGreaterThan(limit)
          seen.push(...offsets.sort((a, b) => a - b))
          left = left.slice(count)
        }
        expect(seen).toEqual(all.map((_, offset) => offset))
      }),
    )
  })
})

describe('the answer to a batch', () => {
  const batch = [delivery({ offset: 1 }), delivery({ offset: 2 }), delivery({ offset: 3 })]
  const kinds = (answer: unknown, isCut = false) => {
    const body = Buffer.from(typeof answer === 'string' ? answer : JSON.stringify(answer))
    return batchOutcomes(batch, { status: 200, headers: {}, body, isCut }).map(({ kind }) => kind)
  }
  const all = (kind: string) => [kind, kind, kind]
  const failures = (...ids: unknown[]) => ({ batchItemFailures: ids.map((itemIdentifier) => ({ itemIdentifier })) })

  test.each([
    ['null', null],
    ['nothing', ''],
    ['anything', { ok: true }],
    ['an empty list of failures', failures()],
    ['no list of failures', { batchItemFailures: null }],
  ])('that is %s: all were handled', (_, answer) => {
    expect(kinds(answer)).toEqual(all('done'))
  })

  test('that names failures by text or by object: those failed, and no others', () => {
    expect(kinds(failures('orders-0@2'))).toEqual(['done', 'failed', 'done'])
    expect(kinds(failures({ partition: 'orders-0', offset: 3 }, 'orders-0@1'))).toEqual(['failed', 'done', 'failed'])
  })

  test.each([
    ['names a record that was not in the batch', failures('orders-0@2', 'orders-0@99')],
    ['names nothing', failures('')],
    ['names null', failures(null)],
    ['has items of another shape', { batchItemFailures: [{ id: 'orders-0@1' }] }],
    ['has no list', { batchItemFailures: 'orders-0@1' }],
  ])('that %s: all failed, as in Lambda', (_, answer) => {
    expect(kinds(answer)).toEqual(all('failed'))
  })

  test('that was too long to be read: all failed, as any of them may be named in it', () => {
    expect(kinds('{"batchItemFailures":[', true)).toEqual(all('failed'))
  })
})
