import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { Circuit } from '../../../events/circuit.ts'
import { DueQueue } from '../../../events/consumption/due-queue.ts'
import type { Entry } from '../../../events/consumption/entry.ts'
import { murmur2, partitionOfKey } from '../../../events/sqlite/murmur2.ts'
import { decodeHeaders, encodeHeaders } from '../../../events/sqlite/header-codec.ts'
import type { Header } from '../../../events/event-log.ts'
import {
  asyncTopic,
  deadLetterTopic,
  retryTopic,
  tierDelayMs,
  tiersAmong,
  triggerGroup,
} from '../../../events/topic-names.ts'

describe('the circuit', () => {
  const fail = (circuit: Circuit, count: number, nowMs: number) => {
    let wait: number | undefined
    for (let n = 0; n < count; n++) wait = circuit.record('connect', nowMs)
    return wait
  }

  test('opens when over half of at least 20 attempts cannot reach the function', () => {
    const circuit = new Circuit()
    expect(fail(circuit, 19, 0)).toBeUndefined()
    expect([fail(circuit, 1, 0), circuit.isOpen]).toEqual([1_000, true])
  })

  test('stays closed at half, and for failures of the function’s own code', () => {
    const circuit = new Circuit()
    for (let n = 0; n < 50; n++) {
      circuit.record(undefined, 0)
      circuit.record('connect', 0)
    }
    expect(circuit.isOpen).toBe(false)
    const own = new Circuit()
    for (let n = 0; n < 100; n++) own.record('handled', 0)
    expect(own.isOpen).toBe(false)
  })

  test('forgets what is older than its window', () => {
    const circuit = new Circuit()
    fail(circuit, 19, 0)
    expect([fail(circuit, 1, 11_000), circuit.isOpen]).toEqual([undefined, false])
  })

  test('probes ever more slowly, up to 30 s, and closes with the first success', () => {
    const circuit = new Circuit()
    fail(circuit, 20, 0)
    const waits = Array.from({ length: 7 }, (_, n) => circuit.record('timeout', n * 1_000))
    expect(waits).toEqual([2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000])
    circuit.record(undefined, 99_000)
    expect(circuit.isOpen).toBe(false)
  })
})

test('entries come out by due time, then by offset, and never early', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(50), { maxLength: 200 }), (dues) => {
      const queue = new DueQueue()
      dues.forEach((dueMs, offset) => queue.push(dueMs, { record: { offset } } as Entry))
      const seen: [number, number][] = []
      for (let nowMs = 0; nowMs <= 50; nowMs++) {
        for (let entry = queue.shift(nowMs); entry !== undefined; entry = queue.shift(nowMs)) {
          expect(dues[entry.record.offset]).toBe(nowMs)
          seen.push([nowMs, entry.record.offset])
        }
      }
      expect(seen).toEqual([...seen].sort((a, b) => a[0] - b[0] || a[1] - b[1]))
      expect([seen.length, queue.size]).toEqual([dues.length, 0])
    }),
  )
})

// Kafka's own test vectors (org.apache.kafka.common.utils.UtilsTest.testMurmur2).
test.each([
  ['21', -973_932_308],
  ['foobar', -790_332_482],
  ['a-little-bit-long-string', -985_981_536],
  ['a-little-bit-longer-string', -1_486_304_829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58_897_971],
  ['abc', 479_470_107],
])('keys are hashed as Kafka hashes them: %s', (text, want) => expect(murmur2(Buffer.from(text))).toBe(want))

test('a key is always in one and the same partition', () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.integer({ min: 1, max: 1_000 }), (bytes, partitions) => {
      const partition = partitionOfKey(Buffer.from(bytes), partitions)
      expect(partition).toBe(partitionOfKey(Buffer.from(bytes), partitions))
      expect(partition >= 0 && partition < partitions).toBe(true)
    }),
  )
})

test('headers are stored byte for byte, in order, repeats too', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.string({ unit: 'grapheme' }), fc.uint8Array())), (list) => {
      const headers: Header[] = list.map(([name, bytes]) => [name, Buffer.from(bytes)])
      expect(decodeHeaders(encodeHeaders(headers))).toEqual(
        headers.map(([name, bytes]) => [name.toWellFormed(), bytes]),
      )
    }),
  )
})

describe('names', () => {
  const trigger = { kind: 'trigger' as const, key: 'shop/mailer' }
  const fn = { kind: 'async' as const, key: 'shop/mailer' }

  test('a Trigger and a Function of one name have topics of their own', () => {
    expect(retryTopic(trigger, 500)).toBe('dormouse.shop.mailer.retry.500')
    expect(retryTopic(fn, 500)).toBe('dormouse.shop.mailer.async.retry.500')
    expect([deadLetterTopic(trigger), deadLetterTopic(fn)]).toEqual([
      'dormouse.shop.mailer.dlt',
      'dormouse.shop.mailer.async.dlt',
    ])
    expect(asyncTopic('shop/mailer')).toBe('dormouse.shop.mailer.async')
  })

  test('a Trigger’s tiers are told from those of others', () => {
    const topics = [
      retryTopic(trigger, 1),
      retryTopic(fn, 2),
      retryTopic({ ...trigger, key: 'shop/mailer2' }, 3),
      'dormouse.shop.mailer.retry.x',
    ]
    expect(tiersAmong(topics, trigger)).toEqual(['dormouse.shop.mailer.retry.1'])
    expect(tiersAmong(topics, fn)).toEqual(['dormouse.shop.mailer.async.retry.2'])
    expect([tierDelayMs(retryTopic(fn, 2)), tierDelayMs('orders')]).toEqual([2, undefined])
  })

  test('a Trigger made anew reads in another group', () => {
    expect(triggerGroup('a/b', '11111111-x')).not.toBe(triggerGroup('a/b', '22222222-x'))
  })

  test('names that are too long are cut and stay different', () => {
    const long = (end: string) => retryTopic({ kind: 'trigger', key: `${'n'.repeat(200)}/${'t'.repeat(100)}${end}` }, 1)
    expect(long('a').length).toBeLessThanOrEqual(249)
    expect(long('a')).not.toBe(long('b'))
  })
})
