import { expect, test } from '@jest/globals'
import { partitionName } from '../../../events/event-log.ts'
import { setTimeout as delay } from 'node:timers/promises'
import { codeOf, numbers, record, unique } from '../../conformance/event-log/harness.ts'
import { eventually } from '../../builders/eventually.ts'
import { useKafkaBed } from '../../builders/kafka-bed.ts'
import { describeOnKafka } from '../../builders/kafka-brokers.ts'

await describeOnKafka(
  'three brokers of a real Kafka',
  () => {
    const bed = useKafkaBed({ nodes: 3 })

    test('lead on when one is killed under load: every record that was acknowledged is there once, keys in order, and is read', async () => {
      const topic = await bed.topicOf(6)
      const listeners = [1, 2].map(() => bed.listen({ group: unique('group'), topics: [topic] }))
      const acknowledged: string[] = []
      let isOver = false
      const sending = numbers(8).map(async (key) => {
        for (let n = 0; !isOver; n++) {
          const text = `${key}:${n}`
          if ((await codeOf(bed.log.send([record(topic, text, { key: Buffer.from(key) })]))) === 'no error')
            acknowledged.push(text)
          await delay(2)
        }
      })
      const grown = async (by: number) => {
        const before = acknowledged.length
        await bed.until(() => expect(acknowledged.length).toBeGreaterThan(before + by), 60_000)
      }
      await grown(200)
      for (const node of [1, 2]) {
        await bed.kafka.kill(node)
        await grown(200)
        await bed.kafka.start(node)
        await grown(200)
      }
      isOver = true
      await Promise.all(sending)
      for (const { records } of listeners) {
        await bed.until(() => {
          const read = new Set(records.map(({ value }) => value?.toString()))
          expect(acknowledged.filter((text) => !read.has(text))).toEqual([])
        }, 60_000)
        const stored = new Map(records.map((each) => [`${partitionName(each)}/${each.offset}`, each]))
        const texts = [...stored.values()].map(({ value }) => value?.toString())
        expect(new Set(texts).size).toBe(texts.length)
        for (const own of Map.groupBy(stored.values(), ({ key }) => key?.toString()).values()) {
          const ns = own.map(({ value }) => Number(value?.toString().split(':')[1]))
          expect(ns).toEqual([...ns].sort((a, b) => a - b))
        }
      }
    }, 240_000)

    test('a partition that only a dead one leads keeps a consumer that comes from none of the others, and is read when it is back', async () => {
      const topic = unique('single')
      const admin = bed.other.admin()
      await admin.connect()
      const replicaAssignment = [1, 2, 3].map((node, partition) => ({ partition, replicas: [node] }))
      await admin.createTopics({ topics: [{ topic, replicaAssignment }] })
      await admin.disconnect()
      const send = (round: string, partitions: readonly number[]) =>
        bed.log.send(partitions.map((partition) => record(topic, `${round}${partition}`, { partition })))
      const [known, fresh] = [unique('group'), unique('group')]
      const before = bed.listen({ group: known, topics: [topic] })
      await send('a', [0, 1, 2])
      await bed.until(() => expect(before.texts.sort()).toEqual(['a0', 'a1', 'a2']))
      await before.commitAll('m')
      await before.consumer.close()
      await bed.kafka.kill(3)
      await eventually('nobody leads it', async () => (await codeOf(bed.log.endOffsets(topic))) !== 'no error', {
        withinMs: 60_000,
      })
      await send('b', [0, 1])
      const listeners = [known, fresh].map((group) => bed.listen({ group, topics: [topic] }))
      const texts = () => listeners.map((each) => each.texts.sort())
      await bed.until(() =>
        expect(texts()).toEqual([
          ['b0', 'b1'],
          ['a0', 'a1', 'b0', 'b1'],
        ]),
      )
      expect(listeners[0]!.assigned.find(({ partition }) => partition === 2)).toMatchObject({
        position: 1,
        metadata: 'm',
      })
      await bed.kafka.start(3)
      await send('c', [2])
      await bed.until(
        () =>
          expect(texts()).toEqual([
            ['b0', 'b1', 'c2'],
            ['a0', 'a1', 'a2', 'b0', 'b1', 'c2'],
          ]),
        60_000,
      )
    }, 240_000)
  },
  { ours: true },
)
