import { describe, expect, test } from '@jest/globals'
import { setImmediate as turn } from 'node:timers/promises'
import { TopicWatch } from '../../../../events/kafka/topic-watch.ts'
import { FakeClock } from '../../../fakes/fake-clock.ts'

function bench(wanted = new Set(['a'])) {
  const clock = new FakeClock()
  const looks: { topics: readonly string[]; answer(): void; fail(): void }[] = []
  const seen: number[] = []
  const watch = new TopicWatch({
    ...{ clock, everyMs: 100, wanted: () => wanted },
    look: (topics) =>
      new Promise((resolve, reject) =>
        looks.push({ topics, answer: () => resolve(new Map()), fail: () => reject(new Error('no')) }),
      ),
    onView: (_view, { askedMs }) => void seen.push(askedMs),
  })
  return { clock, looks, seen, watch }
}

describe('the watch', () => {
  test('looks again and again while somebody wants something, after a failure, too', async () => {
    const { clock, looks, seen, watch } = bench()
    watch.start()
    clock.advance(100)
    looks[0]?.fail()
    await turn()
    clock.advance(100)
    expect(looks).toHaveLength(2)
    looks[1]?.answer()
    await turn()
    expect(seen).toHaveLength(1)
    clock.advance(100)
    expect(looks).toHaveLength(3)
  })

  test('of a change that comes while it looks it looks again: what it sees may be older', async () => {
    const { looks, watch } = bench()
    watch.lookNow()
    watch.lookNow()
    watch.lookNow()
    expect(looks).toHaveLength(1)
    looks[0]?.answer()
    await turn()
    expect(looks).toHaveLength(2)
  })

  test('asks nothing when nobody wants anything, and when it is stopped', async () => {
    const idle = bench(new Set())
    idle.watch.start()
    idle.watch.lookNow()
    idle.clock.advance(1_000)
    expect(idle.looks).toEqual([])
    const { clock, looks, watch } = bench()
    watch.start()
    await watch.stop()
    clock.advance(1_000)
    watch.lookNow()
    expect(looks).toEqual([])
  })
})
