import { describe, expect, test } from '@jest/globals'
import { setImmediate as turn } from 'node:timers/promises'
import { Heartbeats, untilBeat } from '../../../../events/kafka/heartbeats.ts'
import type { KafkaClient } from '../../../../events/kafka/kafka-client.ts'
import type { Broker } from '../../../../events/kafka/wire.ts'

/** A broker that notes what is done with its connection, in order. */
function brokerThatNotes(nodeId: number, failure?: Error) {
  const notes: string[] = []
  const socket = { cork: () => notes.push('hold'), uncork: () => notes.push('let go') }
  const broker = {
    nodeId,
    connectionPool: { pool: [{ socket }] },
    heartbeat: async ({ groupId }: { groupId: string }) => {
      notes.push(groupId)
      if (failure !== undefined) throw failure
    },
  } as unknown as Broker
  return { broker, notes }
}

const beat = (groupId: string) => ({ groupId, groupGenerationId: 1, memberId: 'm' })

function heartbeatsTo(...brokers: Broker[]): Heartbeats {
  const byNode = new Map(brokers.map((broker) => [broker.nodeId, broker]))
  return new Heartbeats({ broker: async (nodeId: number) => byNode.get(nodeId) } as unknown as KafkaClient)
}

describe('heartbeats', () => {
  test('of one moment are written together, those of the next by themselves', async () => {
    const { broker, notes } = brokerThatNotes(1)
    const heartbeats = heartbeatsTo(broker)
    await Promise.all(['a', 'b', 'c'].map((group) => heartbeats.send(broker, beat(group))))
    await turn()
    await heartbeats.send(broker, beat('d'))
    await turn()
    expect(notes).toEqual(['hold', 'a', 'b', 'c', 'let go', 'hold', 'd', 'let go'])
  })

  test('go to the coordinator of their group, over connections of their own', async () => {
    const [first, second] = [brokerThatNotes(1), brokerThatNotes(2)]
    const heartbeats = heartbeatsTo(first.broker, second.broker)
    const coordinator = (nodeId: number) => ({ nodeId }) as Broker
    await Promise.all([heartbeats.send(coordinator(2), beat('b')), heartbeats.send(coordinator(1), beat('a'))])
    expect([first.notes, second.notes]).toEqual([
      ['hold', 'a'],
      ['hold', 'b'],
    ])
  })

  test('tell what the coordinator answered, and hold nothing back for it', async () => {
    const { broker, notes } = brokerThatNotes(1, new Error('rebalancing'))
    await expect(heartbeatsTo(broker).send(broker, beat('a'))).rejects.toThrow('rebalancing')
    await turn()
    expect(notes).toEqual(['hold', 'a', 'let go'])
  })

  test.each([
    [0, 3_000, 3_000],
    [1, 3_000, 2_999],
    [249.5, 3_000, 2_750.5],
    [250, 3_000, 3_000],
    [7, 100, 93],
    [24.9, 100, 75.1],
  ])('at %d ms, every %d ms, the next is in %d ms', (nowMs, everyMs, inMs) => {
    expect(untilBeat(nowMs, everyMs)).toBeCloseTo(inMs)
  })
})
