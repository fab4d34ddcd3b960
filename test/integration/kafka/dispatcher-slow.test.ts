/** Calls that take longer than a member of a group may be silent. */
import { expect, test } from '@jest/globals'
import { setTimeout as delay } from 'node:timers/promises'
import { describeOnKafka } from '../../builders/kafka-brokers.ts'
import { eventually } from '../../builders/eventually.ts'
import { joined, numbered, ok, useDispatchers } from './dispatchers-bed.ts'

/** The session time-out of dispatchers is 10 s. */
const SLOW_MS = 15_000
const DISPATCHERS = 2

await describeOnKafka('a function that is slower than the session time-out', () => {
  const bed = useDispatchers({ count: DISPATCHERS })

  test('is called once per record, and nobody leaves the group', async () => {
    const of = (ordering: 'unordered' | 'partition') =>
      bed.trigger(`slow-${ordering}`, {
        answer: (call, response) => void delay(SLOW_MS).then(() => ok(call, response)),
        fn: { timeoutMs: 60_000 },
        feed: { ordering },
      })
    const worlds = [await of('unordered'), await of('partition')]
    const members = () => Promise.all(worlds.map((world) => joined(bed, world, DISPATCHERS)))
    const before = await members()
    for (const { send } of worlds)
      await send(...[0, 1].map((partition) => ({ partition, value: Buffer.from(`${partition}`) })))
    for (const world of worlds) {
      await world.done()
      expect(world.bodies().sort()).toEqual(['0', '1'])
      expect(world.calls.map(({ attempt }) => attempt)).toEqual([1, 1])
      expect(await world.counts()).toMatchObject({
        attempts: { done: 2 },
        retries: {},
        duplicatesSkipped: 0,
        logErrors: 0,
      })
    }
    expect(await members()).toEqual(before)
  })

  test('holds up no other Trigger', async () => {
    let mayEnd = false
    const slow = await bed.trigger('slow', {
      answer: (call, response) =>
        void eventually('it may', () => mayEnd, { withinMs: 60_000 }).then(() => ok(call, response)),
      fn: { timeoutMs: 60_000 },
    })
    const quick = await bed.trigger('quick')
    await slow.send(...numbered(20))
    await eventually('it is called', () => slow.calls.length > 0, { withinMs: 60_000 })
    await quick.send(...numbered(100))
    await quick.done()
    expect(quick.bodies().sort()).toEqual(numbered(100).sort())
    mayEnd = true
    await slow.done()
    expect(new Set(slow.bodies())).toEqual(new Set(numbered(20)))
  })
})
