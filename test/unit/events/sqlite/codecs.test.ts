import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { decodeHeaders, encodeHeaders } from '../../../../events/sqlite/header-codec.ts'
import { murmur2, partitionOfKey } from '../../../../events/murmur2.ts'

const bytes = (options: fc.IntArrayConstraints = {}) => fc.uint8Array(options).map((array) => Buffer.from(array))

test('headers come back as they were, names of any letters, repeats and empty ones too', () => {
  const header = fc.tuple(fc.string({ unit: 'grapheme' }), bytes({ maxLength: 300 }))
  fc.assert(
    fc.property(fc.array(header, { maxLength: 20 }), (headers) => {
      expect(decodeHeaders(encodeHeaders(headers))).toEqual(headers)
    }),
  )
})

test('no headers take no space', () => expect(encodeHeaders([])).toBeNull())

// As in UtilsTest of Kafka's client.
test.each([
  ['21', -973932308],
  ['foobar', -790332482],
  ['a-little-bit-long-string', -985981536],
  ['a-little-bit-longer-string', -1486304829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
  ['abc', 479470107],
])('the hash of %s is Kafka’s', (key, want) => expect(murmur2(Buffer.from(key))).toBe(want))

test('every key has a partition that exists, always the same', () => {
  fc.assert(
    fc.property(bytes(), fc.integer({ min: 1, max: 1_000 }), (key, partitions) => {
      const partition = partitionOfKey(key, partitions)
      expect(Number.isInteger(partition) && partition >= 0 && partition < partitions).toBe(true)
      expect(partitionOfKey(Buffer.from(key), partitions)).toBe(partition)
    }),
  )
})
