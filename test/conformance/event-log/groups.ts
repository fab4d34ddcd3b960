import { describe, expect, test } from '@jest/globals'
import { partitionName } from '../../../events/event-log.ts'
import { codeOf, numbers, record, unique, useLog, type EventLogHarness, type Listener } from './harness.ts'

export function describeGroups(harness: EventLogHarness): void {
  describe('groups', () => {
    const bench = useLog(harness)

    test('share partitions: each has one reader, and all are read', async () => {
      const topic = await bench.topicOf(6)
      const group = unique('group')
      const members = [1, 2, 3].map(() => bench.listen({ group, topics: [topic] }))
      await bench.until(() => {
        expect(members.map(({ held }) => held.size)).toEqual([2, 2, 2])
        expect(new Set(members.flatMap(({ held }) => [...held])).size).toBe(6)
      })
      await bench.log.send(numbers(60).map((n) => record(topic, n, { partition: Number(n) % 6 })))
      await bench.until(() => expect(members.flatMap(({ texts }) => texts)).toHaveLength(60))
      expect(new Set(members.flatMap(({ texts }) => texts)).size).toBe(60)
    })

    test('leave members without partitions when there are more of them, and use them when one goes', async () => {
      const topic = await bench.topicOf(1)
      const group = unique('group')
      const members = [1, 2, 3].map(() => bench.listen({ group, topics: [topic] }))
      const sizes = () => members.map(({ held }) => held.size).sort()
      await bench.until(() => expect(sizes()).toEqual([0, 0, 1]))
      const reader = members.find(({ held }) => held.size === 1)!
      await reader.consumer.close()
      await bench.until(() => expect(sizes()).toEqual([0, 0, 1]))
      await bench.log.send([record(topic, 'a')])
      await bench.until(() => expect(members.flatMap(({ texts }) => texts)).toEqual(['a']))
      expect(reader.texts).toEqual([])
    })

    test('tell a member that there is nothing for it', async () => {
      const topic = await bench.topicOf(1)
      const group = unique('group')
      const told: number[][] = [[], []]
      const members = told.map((sizes) => {
        const member: Listener = bench.listen({
          ...{ group, topics: [topic] },
          onAssigned: (assignments) => {
            sizes.push(assignments.length)
            for (const each of assignments) member.held.add(partitionName(each))
          },
        })
        return member
      })
      // Whoever joined first has it until the other joins, and may lose it then.
      await bench.until(() => {
        expect(members.map(({ held }) => held.size).sort()).toEqual([0, 1])
        const idle = members.findIndex(({ held }) => held.size === 0)
        expect(told[idle]).toContain(0)
      })
    })

    test('have members that read different topics', async () => {
      const [one, two] = [await bench.topicOf(2), await bench.topicOf(2)]
      const group = unique('group')
      const first = bench.listen({ group, topics: [one] })
      const second = bench.listen({ group, topics: [two] })
      await bench.until(() => {
        expect([...first.held].sort()).toEqual([`${one}/0`, `${one}/1`])
        expect([...second.held].sort()).toEqual([`${two}/0`, `${two}/1`])
      })
    })

    test('give a leaving member’s partitions to the others, at what it committed', async () => {
      const topic = await bench.topicOf(2)
      const group = unique('group')
      const first = bench.listen({ group, topics: [topic] })
      await bench.until(() => expect(first.held.size).toBe(2))
      await bench.log.send(['a', 'b'].map((value, partition) => record(topic, value, { partition })))
      await bench.until(() => expect(first.texts.sort()).toEqual(['a', 'b']))
      await first.commitAll()
      await bench.log.send([record(topic, 'c', { partition: 0 })])
      await bench.until(() => expect(first.texts).toContain('c'))
      const second = bench.listen({ group, topics: [topic] })
      await first.consumer.close()
      await bench.until(() => expect(second.held.size).toBe(2))
      await bench.until(() => expect(second.texts.at(-1)).toBe('c'))
      expect(new Set(second.texts)).toEqual(new Set(['c']))
    })

    test('lose no record while members come and go', async () => {
      const topic = await bench.topicOf(6)
      const group = unique('group')
      const join = () => {
        const member = bench.listen({ group, topics: [topic] })
        member.beforeLetGo = () => member.commitAll().catch(() => undefined)
        return member
      }
      const members = [join()]
      for (let round = 0; round < 10; round++) {
        await bench.log.send(numbers(30).map((n) => record(topic, `${round}/${n}`, { partition: Number(n) % 6 })))
        members.push(join())
        if (round % 2 === 1) await members[round - 1]!.consumer.close()
      }
      await bench.until(() => expect(new Set(members.flatMap(({ texts }) => texts)).size).toBe(300))
      for (const { assigned, revoked, held } of members) expect(assigned.length - revoked.length).toBe(held.size)
    })

    test('wait for a member that lets go', async () => {
      const topic = await bench.topicOf(1)
      const group = unique('group')
      const first = bench.listen({ group, topics: [topic] })
      await bench.log.send([record(topic, 'a')])
      await bench.until(() => expect(first.texts).toEqual(['a']))
      let letGo: () => void = () => undefined
      first.beforeLetGo = () => new Promise((resolve) => (letGo = resolve))
      const closing = first.consumer.close()
      const second = bench.listen({ group, topics: [topic] })
      await bench.until(() => expect(first.revoked).toHaveLength(1))
      expect(second.assigned).toEqual([])
      await first.commitAll('noted')
      letGo()
      await closing
      await bench.until(() => expect(second.assigned).toMatchObject([{ topic, partition: 0, metadata: 'noted' }]))
      expect(second.texts).toEqual([])
    })

    test('go on without a member that does not let go in time, and take nothing from it any more', async () => {
      const topic = await bench.topicOf(1)
      const group = unique('group')
      const first = bench.listen({ group, topics: [topic] })
      await bench.log.send([record(topic, 'a')])
      await bench.until(() => expect(first.texts).toEqual(['a']))
      let letGo: () => void = () => undefined
      first.beforeLetGo = () => new Promise((resolve) => (letGo = resolve))
      const closing = first.consumer.close()
      const second = bench.listen({ group, topics: [topic] })
      await bench.until(() => expect(second.texts).toEqual(['a']))
      expect(await codeOf(first.commitAll())).toBe('not-assigned')
      letGo()
      await closing
      await second.commitAll()
      expect(await bench.log.committed(group)).toHaveLength(1)
    })

    test('give a member nothing of what it is letting go', async () => {
      const [going, staying] = [await bench.topicOf(1), await bench.topicOf(1)]
      const listener = bench.listen({ group: unique('group'), topics: [going, staying] })
      await bench.until(() => expect(listener.held.size).toBe(2))
      let letGo: () => void = () => undefined
      listener.beforeLetGo = (partitions) =>
        partitions.some(({ topic }) => topic === going)
          ? new Promise((resolve) => (letGo = resolve))
          : Promise.resolve()
      listener.consumer.subscribe([staying])
      await bench.until(() => expect(listener.revoked.map(partitionName)).toContain(`${going}/0`))
      await bench.log.send([record(going, 'no')])
      await bench.read(going, 1)
      letGo()
      await bench.log.send([record(staying, 'yes')])
      await bench.until(() => expect(listener.texts).toEqual(['yes']))
      listener.beforeLetGo = async () => undefined
    })

    test('give back to a member what it was too slow to let go', async () => {
      const topic = await bench.topicOf(1)
      const listener = bench.listen({ group: unique('group'), topics: [topic] })
      await bench.until(() => expect(listener.held.size).toBe(1))
      let letGo: () => void = () => undefined
      listener.beforeLetGo = () => new Promise((resolve) => (letGo = resolve))
      listener.consumer.subscribe([])
      await bench.until(() => expect(listener.revoked).toHaveLength(1))
      listener.consumer.subscribe([topic])
      await bench.until(() => expect(listener.assigned).toHaveLength(2))
      letGo()
      await bench.log.send([record(topic, 'a')])
      await bench.until(() => expect(listener.texts).toEqual(['a']))
      listener.beforeLetGo = async () => undefined
    })

    test('share out topics that appear later', async () => {
      const topic = unique('later')
      const group = unique('group')
      const members = [1, 2].map(() => bench.listen({ group, topics: [topic] }))
      await bench.log.ensureTopics([{ topic, partitions: 4 }])
      await bench.until(() => expect(members.map(({ held }) => held.size)).toEqual([2, 2]))
      const all = members.flatMap(({ assigned }) => assigned.map(partitionName))
      expect(new Set(all).size).toBe(4)
    })
  })
}
