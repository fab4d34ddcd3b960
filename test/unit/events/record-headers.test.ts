import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import type { Header, LogRecord } from '../../../events/event-log.ts'
import { deadLetterRecords, retryRecord, undecodableFailure } from '../../../events/hop-record.ts'
import { cutText, hopMeta, sourceMeta, textOf, userHeaders } from '../../../events/record-headers.ts'
import type { Subscription } from '../../../events/subscription.ts'

const UID = '12345678-9abc'
const subscription: Subscription = {
  ...{ key: 'shop/mailer', kind: 'trigger', uid: UID, functionKey: 'shop/mailer', topics: ['orders'] },
  ...{ startFrom: 'earliest', ordering: 'unordered', onExhausted: 'deadLetter' },
  retry: { maxAttempts: 3, backoff: { initialMs: 100, factor: 2, maxMs: 1_000 }, maxAge: { ms: 1, since: 'failure' } },
}
const record = (part: Partial<LogRecord> = {}): LogRecord => ({
  ...{ topic: 'orders', partition: 3, offset: 42, timestampMs: 1_000, key: Buffer.from('k') },
  ...{ value: Buffer.from([0, 255, 1]), headers: [] },
  ...part,
})
const header = (name: string, value: string): Header => [name, Buffer.from(value)]

test('a plain record has a delivery id of where it is and of who reads it', () => {
  expect(sourceMeta(record(), UID).deliveryId).toBe('orders-3-42.12345678')
  expect(sourceMeta(record(), 'other-uid').deliveryId).not.toBe(sourceMeta(record(), UID).deliveryId)
})

test('a record may bring its delivery id; one that cannot be a header value is not taken', () => {
  expect(sourceMeta(record({ headers: [header('dormouse-delivery-id', 'abc-1')] }), UID).deliveryId).toBe('abc-1')
  for (const bad of ['', 'with space', 'line\nbreak', 'x'.repeat(300), 'ä'])
    expect(sourceMeta(record({ headers: [header('dormouse-delivery-id', bad)] }), UID).deliveryId).toContain(
      'orders-3-42',
    )
})

test('only the delivery id of a source record is believed: nobody outside names attempts', () => {
  const forged = [header('dormouse-attempt', '99'), header('dormouse-due', '99999999999999')]
  expect(sourceMeta(record({ headers: forged }), UID)).toMatchObject({ attempt: 1, redriveCount: 0 })
})

test('key, value and the user’s headers pass byte for byte, repeats and order too, over any number of hops', () => {
  const headers = fc.array(
    fc.tuple(fc.constantFrom('a', 'b', 'ce_id', 'content-type'), fc.uint8Array({ maxLength: 8 })),
  )
  fc.assert(
    fc.property(headers, fc.option(fc.uint8Array()), fc.option(fc.uint8Array()), (list, key, value) => {
      const original: Header[] = list.map(([name, bytes]) => [name, Buffer.from(bytes)])
      const bytes = (of: Uint8Array | null) => (of === null ? null : Buffer.from(of))
      const first = record({ headers: original, key: bytes(key), value: bytes(value) })
      let now = first
      for (let hop = 1; hop <= 3; hop++) {
        const meta = hop === 1 ? sourceMeta(now, UID) : hopMeta(now, UID)
        const failure = { class: 'handled' as const, message: `failure ${hop}` }
        const next = {
          ...meta,
          attempt: meta.attempt + 1,
          dueMs: hop,
          delayMs: 100,
          firstFailedAtMs: meta.firstFailedAtMs ?? hop,
          failure,
        }
        now = { ...record({ offset: hop }), ...retryRecord(subscription, now, next) }
        expect(userHeaders(now.headers)).toEqual(original)
        expect([now.key, now.value]).toEqual([first.key, first.value])
      }
      expect(hopMeta(now, UID)).toMatchObject({
        ...{ attempt: 4, dueMs: 3, firstFailedAtMs: 1, deliveryId: 'orders-3-42.12345678' },
        origin: { topic: 'orders', partition: 3, offset: 42, timestampMs: 1_000 },
        failure: { class: 'handled', message: 'failure 3' },
      })
    }),
  )
})

test('a dead letter says why, where it came from and how often it was tried, in our words and in Kafka Connect’s', () => {
  const failure = { class: 'http-5xx' as const, status: 503, message: 'down\nat once' }
  const [dead] = deadLetterRecords({
    subscription,
    record: record(),
    meta: sourceMeta(record(), UID),
    failure,
    group: 'g',
  })
  const text = (name: string) => textOf(dead!.headers, name)
  expect(dead!.topic).toBe('dormouse.shop.mailer.dlt')
  expect([text('dormouse-error-class'), text('dormouse-error-status'), text('dormouse-error-message')]).toEqual([
    'http-5xx',
    '503',
    'down at once',
  ])
  expect([text('__dlq.errors.topic'), text('__dlq.errors.offset'), text('__dlq.errors.group')]).toEqual([
    'orders',
    '42',
    'g',
  ])
  expect(text('dormouse-due')).toBeUndefined()
})

test('a batch that cannot be decoded becomes a dead letter with its bytes, or several with numbered parts', () => {
  const undecodable = { firstOffset: 40, lastOffset: 49, reason: 'unknown codec' }
  const value = Buffer.alloc(2_000 * 1024).map((_, at) => at % 251)
  const batch = record({ key: null, value: Buffer.from(value), headers: [], undecodable })
  const failure = undecodableFailure(batch)!
  const of = { subscription, meta: sourceMeta(batch, UID), failure, group: 'g' }
  const letters = deadLetterRecords({ ...of, record: batch })
  expect(Buffer.concat(letters.map((letter) => letter.value!)).equals(value)).toBe(true)
  expect(letters.map((letter) => hopMeta({ ...record(), ...letter }, UID))).toEqual(
    [1, 2, 3].map((part) =>
      expect.objectContaining({
        ...{ deliveryId: 'orders-3-42.12345678', batch: { firstOffset: 40, lastOffset: 49, part, parts: 3 } },
        origin: { topic: 'orders', partition: 3, offset: 42, timestampMs: 1_000 },
        failure: { class: 'decode', message: 'the batch of offsets 40 to 49 cannot be decoded: unknown codec' },
      }),
    ),
  )
  const small = deadLetterRecords({ ...of, record: { ...batch, value: Buffer.from('x') } })
  expect(small.map(({ headers }) => textOf(headers, 'dormouse-batch-part'))).toEqual(['1/1'])
})

test('messages are one line of at most 1 KiB and never cut inside a character', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 3_000 }), (text) => {
      const cut = cutText(text)
      expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(1_024)
      expect(cut).not.toMatch(/[\r\n]/)
      if (!text.includes('\ufffd')) expect(cut).not.toContain('\ufffd')
    }),
  )
  expect(cutText('é'.repeat(2_000))).toMatch(/^é+…$/)
})

test('damaged headers of ours are read as if they were not there', () => {
  const damaged = ['dormouse-attempt', 'dormouse-due', 'dormouse-origin-offset', 'dormouse-error-class'].map((name) =>
    header(name, 'x'),
  )
  expect(hopMeta(record({ headers: damaged }), UID)).toEqual({
    ...{ deliveryId: 'orders-3-42.12345678', attempt: 1, redriveCount: 0 },
    origin: { topic: 'orders', partition: 3, offset: 42, timestampMs: 1_000 },
  })
})
