import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { createRequire } from 'node:module'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { crc32c } from '../../../../events/kafka/crc32c.ts'
import { decodeBatches, type AbortedTransaction } from '../../../../events/kafka/record-batches.ts'
import { recordBatch } from '../../../builders/record-batch.ts'

const require = createRequire(import.meta.url)
const snappy = require('snappyjs') as { compress(plain: Buffer): Uint8Array }
const lz4 = require('lz4js') as { compress(plain: Buffer): Uint8Array }

const id = { topic: 'orders', partition: 3 }
const decode = (bytes: Buffer) => decodeBatches(bytes, id, {})
const values = (...texts: string[]) => texts.map((text) => ({ value: Buffer.from(text) }))
const damaged = (bytes: Buffer) => decode(bytes).records.filter(({ undecodable }) => undecodable !== undefined)
const textsOf = (bytes: Buffer, aborted: AbortedTransaction[] = []) =>
  decodeBatches(bytes, id, { aborted }).records.map(({ value }) => value?.toString())

/** As Java's SnappyOutputStream frames it: magic, two versions, then blocks with their lengths. */
function xerial(plain: Buffer): Buffer {
  const blocks = [plain.subarray(0, 5), plain.subarray(5)].map((block) => Buffer.from(snappy.compress(block)))
  const magic = Buffer.from([0x82, ...Buffer.from('SNAPPY'), 0, 0, 0, 0, 1, 0, 0, 0, 1])
  const length = (bytes: Buffer) => {
    const size = Buffer.alloc(4)
    size.writeInt32BE(bytes.length)
    return size
  }
  return Buffer.concat([magic, ...blocks.flatMap((block) => [length(block), block])])
}

describe('record batches', () => {
  test('keep keys, values, tombstones, times and the order and repeats of headers', () => {
    const headers: [string, Buffer | null][] = [
      ['b', Buffer.from('1')],
      ['a', Buffer.from([0, 255])],
      ['b', Buffer.from('2')],
      ['10', null],
    ]
    const batch = recordBatch({ baseOffset: 40, records: [{ key: Buffer.from('k'), value: null, headers }, {}] })
    expect(decode(batch)).toEqual({
      records: [
        {
          ...{ ...id, offset: 40, timestampMs: 1_000, key: Buffer.from('k'), value: null },
          headers: headers.map(([name, value]) => [name, value ?? Buffer.alloc(0)]),
        },
        { ...id, offset: 41, timestampMs: 1_001, key: null, value: null, headers: [] },
      ],
      next: 42,
    })
  })

  test('have the broker’s time where the topic says so', () => {
    expect(decode(recordBatch({ records: values('a'), appendTimeMs: 77 })).records[0]?.timestampMs).toBe(77)
  })

  test.each<[string, number, (plain: Buffer) => Uint8Array]>([
    ['gzip', 1, (plain) => gzipSync(plain)],
    ['snappy, one block', 2, (plain) => snappy.compress(plain)],
    ['snappy, framed', 2, xerial],
    ['lz4', 3, (plain) => lz4.compress(plain)],
    ['zstd', 4, (plain) => zstdCompressSync(plain)],
  ])('are read whatever they are compressed with: %s', (_name, codec, compress) => {
    const texts = ['a', 'b'.repeat(100_000), 'c']
    expect(textsOf(recordBatch({ records: values(...texts), codec, compress }))).toEqual(texts)
  })

  test.each([1, 2, 3, 4, 5, 7])('that cannot be decompressed cost nothing but themselves: codec %d', (codec) => {
    const compress = () => Buffer.from('this is no compressed data, whatever one takes it for')
    const bad = recordBatch({ baseOffset: 10, records: values('x', 'y'), codec, compress })
    const decoded = decode(
      Buffer.concat([
        recordBatch({ records: values('a') }),
        bad,
        recordBatch({ baseOffset: 12, records: values('b') }),
      ]),
    )
    expect(decoded.records.map(({ offset }) => offset)).toEqual([0, 10, 12])
    expect(decoded.records[1]).toEqual({
      ...{ ...id, offset: 10, timestampMs: 1_000, key: null, value: bad, headers: [] },
      undecodable: { firstOffset: 10, lastOffset: 11, reason: expect.any(String) },
    })
    expect(decoded.next).toBe(13)
  })

  test('that would fill the memory are not decompressed', () => {
    const compress = () => gzipSync(Buffer.alloc(65 * 1024 * 1024))
    expect(damaged(recordBatch({ records: values('x'), codec: 1, compress }))).toHaveLength(1)
  })

  test('of which one record is damaged give none, not half of them', () => {
    const compress = (plain: Buffer) => Buffer.concat([plain.subarray(0, -1), Buffer.from([8])])
    const batch = recordBatch({ records: values('a', 'b'), compress })
    expect(decode(batch).records).toEqual([expect.objectContaining({ value: batch, undecodable: expect.anything() })])
  })

  test('of an old format are not decoded', () => {
    expect(decode(recordBatch({ baseOffset: 5, records: values('a'), magic: 1 }))).toMatchObject({
      records: [
        { undecodable: { firstOffset: 5, lastOffset: 5, reason: 'expected a record batch of format 2, got 1' } },
      ],
      next: 6,
    })
  })

  test('of which a bit was lost are not decoded, whatever would come of it', () => {
    for (const at of [21, 30, 60, 68]) {
      const batch = recordBatch({ baseOffset: 5, records: values('aaaa') })
      batch[at] = batch[at]! ^ 1
      const [record] = damaged(batch)
      expect(record).toMatchObject({ value: batch, undecodable: { reason: expect.stringContaining('checksum') } })
    }
  })

  test('that are damaged end where the next begins, or the partition ends, whatever they say', () => {
    const bad = recordBatch({ baseOffset: 5, records: values('a', 'b'), lastOffsetDelta: 1_000_000 })
    bad[70] = bad[70]! ^ 1
    const next = recordBatch({ baseOffset: 7, records: values('c') })
    expect(decode(Buffer.concat([bad, next]))).toMatchObject({
      records: [{ undecodable: { firstOffset: 5, lastOffset: 6 } }, { offset: 7 }],
      next: 8,
    })
    expect(decodeBatches(bad, id, { end: 9 })).toMatchObject({ records: [{ undecodable: { lastOffset: 8 } }], next: 9 })
  })

  test('have the checksum that others reckon', () => {
    expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283)
    expect(crc32c(Buffer.alloc(32))).toBe(0x8a9136aa)
  })

  test('that the broker cut off come with the next answer', () => {
    const bytes = Buffer.concat([
      recordBatch({ records: values('a') }),
      recordBatch({ baseOffset: 1, records: values('b') }),
    ])
    for (const cut of [1, 30, 61, 68])
      expect(decode(bytes.subarray(0, -cut))).toMatchObject({ records: [{ offset: 0 }], next: 1 })
    expect(decode(Buffer.alloc(0)).next).toBeUndefined()
  })

  test('of which compaction left nothing are passed', () => {
    expect(decode(recordBatch({ baseOffset: 5, records: [], lastOffsetDelta: 9 }))).toEqual({
      records: [],
      next: 15,
    })
  })

  test('of aborted transactions are left out, up to the marker; others of the same producer are not', () => {
    const of = (baseOffset: number, text: string, isTransactional = true) =>
      recordBatch({ baseOffset, records: values(text), producerId: 7, isTransactional })
    const marker = (baseOffset: number, control: number) => recordBatch({ baseOffset, control, producerId: 7 })
    const log = [
      of(0, 'kept'),
      marker(1, 1),
      of(2, 'gone'),
      of(3, 'other', false),
      marker(4, 0),
      of(5, 'kept, too'),
      marker(6, 1),
    ]
    expect(textsOf(Buffer.concat(log), [{ producerId: 7, firstOffset: 2 }])).toEqual(['kept', 'other', 'kept, too'])
    expect(decode(Buffer.concat(log)).next).toBe(7)
    // Who reads on from a marker is told of the transaction that it ends.
    expect(textsOf(Buffer.concat(log.slice(4)), [{ producerId: 7, firstOffset: 2 }])).toEqual(['kept, too'])
  })

  test('that were a marker which is compacted away are passed', () => {
    const empty = recordBatch({ baseOffset: 5, records: [], control: 0, producerId: 7, lastOffsetDelta: 0 })
    expect(decode(empty)).toEqual({ records: [], next: 6 })
  })

  test('give buffers that share nothing with the answer or with each other’s record', () => {
    const bytes = recordBatch({ records: values('a', 'b') })
    const { records } = decode(bytes)
    bytes.fill(0)
    records[0]!.value!.fill(0)
    expect(records[1]!.value!.toString()).toBe('b')
  })

  test('whatever the bytes are, reading them ends and never throws', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(60), (noise, at) => {
        const batch = recordBatch({ records: values('a', 'bb', 'ccc') })
        Buffer.from(noise).copy(batch, at)
        decode(batch)
        decode(Buffer.from(noise))
      }),
    )
  })
})
