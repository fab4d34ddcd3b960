import { expect, test } from '@jest/globals'
import { CompactReader } from '../../../../events/kafka/compact-reader.ts'
import { CompactWriter } from '../../../../events/kafka/compact-writer.ts'
import {
  decodeOffsetFetch,
  decodeTxnOffsetCommit,
  encodeOffsetFetch,
  encodeTxnOffsetCommit,
} from '../../../../events/kafka/group-messages.ts'

test('a commit within a transaction names its generation, and each partition with what is beside its offset', () => {
  const bytes = encodeTxnOffsetCommit({
    ...{ transactionalId: 'dormouse.t', groupId: 'g', generationId: 7, memberId: 'm', producerId: '9007199254740993' },
    ...{ producerEpoch: 3, offsets: [{ topic: 'a', partition: 1, offset: 2 ** 40, metadata: 'x' }] },
  })
  const reader = new CompactReader(bytes)
  reader.skipTags()
  expect([reader.compactString(), reader.compactString()]).toEqual(['dormouse.t', 'g'])
  // More than fits into a number.
  expect(reader.take(8).readBigInt64BE()).toBe(9_007_199_254_740_993n)
  expect([reader.int16(), reader.int32(), reader.compactString(), reader.compactString()]).toEqual([3, 7, 'm', null])
  const topics = reader.compactArray(() => {
    const topic = reader.compactString()
    const partitions = reader.compactArray(() => {
      const partition = [reader.int32(), reader.int64(), reader.int32(), reader.compactString()]
      reader.skipTags()
      return partition
    })
    reader.skipTags()
    return { topic, partitions }
  })
  reader.skipTags()
  expect(topics).toEqual([{ topic: 'a', partitions: [[1, 2 ** 40, -1, 'x']] }])
  expect(reader.left).toBe(0)
})

test('asks for commits that no transaction is about to move', () => {
  const bytes = encodeOffsetFetch('g', [
    { topic: 'a', partition: 0 },
    { topic: 'a', partition: 2 },
  ])
  expect(bytes.toString('hex')).toBe(
    ['00', '0267', '02', '0261', '03', '00000000', '00000002', '00', '01', '00'].join(''),
  )
})

test('answers are read, with tags that are not known', () => {
  const writer = new CompactWriter().noTags().int32(0)
  writer.array(['a'], (topic) => {
    writer.string(topic).array([5], (partition) => {
      writer.int32(partition).int64(12).int32(-1).string('m'.repeat(200)).int16(88)
      // One tag, number 3, of two bytes.
      writer.int8(1).int8(3).int8(2).int16(0)
    })
    writer.noTags()
  })
  const committed = { topic: 'a', partition: 5, offset: 12, metadata: 'm'.repeat(200), errorCode: 88 }
  expect(decodeOffsetFetch(writer.int16(14).noTags().bytes)).toEqual({ partitions: [committed], errorCode: 14 })
  const answer = new CompactWriter().noTags().int32(0)
  answer.array(['a'], (topic) => {
    answer.string(topic).array([5], (partition) => answer.int32(partition).int16(22).noTags())
    answer.noTags()
  })
  expect(decodeTxnOffsetCommit(answer.noTags().bytes)).toEqual([{ topic: 'a', partition: 5, errorCode: 22 }])
})
