import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { assignPartitions } from '../../../../events/kafka/assign.ts'

const arbitrary = fc.record({
  members: fc.uniqueArray(
    fc.record({ memberId: fc.string({ minLength: 1 }), topics: fc.subarray(['a', 'b', 'c', 'none']) }),
    { selector: ({ memberId }) => memberId, minLength: 1, maxLength: 5 },
  ),
  counts: fc.constantFrom(
    new Map([
      ['a', 1],
      ['b', 4],
      ['c', 7],
    ]),
    new Map([['a', 3]]),
  ),
})

describe('sharing out partitions', () => {
  test('each partition that somebody wants has one reader, who wants it', () => {
    fc.assert(
      fc.property(arbitrary, ({ members, counts }) => {
        const plans = assignPartitions(members, counts)
        const given = members.flatMap(({ memberId, topics }) =>
          Object.entries(plans.get(memberId) ?? {}).flatMap(([topic, partitions]) => {
            expect(topics).toContain(topic)
            return partitions.map((partition) => `${topic}/${partition}`)
          }),
        )
        const wanted = new Set(members.flatMap(({ topics }) => topics))
        const all = [...counts].flatMap(([topic, count]) =>
          wanted.has(topic) ? Array.from({ length: count }, (_, n) => `${topic}/${n}`) : [],
        )
        expect(given.sort()).toEqual(all.sort())
      }),
    )
  })

  test('whoever leads the group comes to the same plan', () => {
    fc.assert(
      fc.property(arbitrary, ({ members, counts }) => {
        const reversed = [...members]
          .reverse()
          .map(({ memberId, topics }) => ({ memberId, topics: [...topics].reverse() }))
        expect(assignPartitions(reversed, counts)).toEqual(assignPartitions(members, counts))
      }),
    )
  })

  test('many topics of one partition are shared, too', () => {
    const topics = Array.from({ length: 10 }, (_, n) => `topic-${n}`)
    const members = ['one', 'two'].map((memberId) => ({ memberId, topics }))
    const plans = assignPartitions(members, new Map(topics.map((topic) => [topic, 1])))
    expect(['one', 'two'].map((memberId) => Object.keys(plans.get(memberId) ?? {}).length)).toEqual([5, 5])
  })
})
