import { describe, expect, test } from '@jest/globals'
import { Placement } from '../../../../events/kafka/placement.ts'
import { partitionOfKey } from '../../../../events/murmur2.ts'

const record = (part: { key?: Buffer; partition?: number }) => ({
  topic: 't',
  key: null,
  value: null,
  headers: [],
  ...part,
})

describe('placement', () => {
  test('a key goes where every log puts it', () => {
    const key = Buffer.from('foobar')
    expect(new Placement().place(record({ key }), 6)).toBe(partitionOfKey(key, 6))
  })

  test('a partition that is named overrules the key, and must be there', () => {
    const placement = new Placement()
    expect(placement.place(record({ key: Buffer.from('foobar'), partition: 2 }), 3)).toBe(2)
    for (const partition of [-1, 3])
      expect(() => placement.place(record({ partition }), 3)).toThrow(
        expect.objectContaining({ code: 'unknown-topic' }),
      )
  })

  test('records without a key share a partition within a turn, and another one takes the next', () => {
    const random = [0.1, 0.9]
    const placement = new Placement(() => random.shift() ?? 0)
    const place = () => placement.place(record({}), 10)
    expect([place(), place()]).toEqual([1, 1])
    placement.nextTurn()
    expect([place(), place()]).toEqual([9, 9])
  })
})
