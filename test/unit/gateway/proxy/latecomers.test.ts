import { describe, expect, test } from '@jest/globals'
import { Latecomers } from '../../../../gateway/proxy/latecomers.ts'
import { FakeClock } from '../../../fakes/fake-clock.ts'

function bed(most?: number, hasFeed = true) {
  const clock = new FakeClock()
  const listeners = new Set<() => void>()
  const onNews = (listener: () => void) => {
    listeners.add(listener)
    return () => void listeners.delete(listener)
  }
  const latecomers = new Latecomers({
    ...{ clock, onNews, limitMs: 100, hasFeed: () => hasFeed },
    ...(most !== undefined && { most }),
  })
  const calls: string[] = []
  let isKnown = false
  return {
    clock,
    listeners,
    calls,
    hold: () =>
      latecomers.hold(
        () => {
          calls.push('again')
          return isKnown
        },
        () => calls.push('late'),
      ),
    news(known: boolean) {
      isKnown = known
      listeners.forEach((listener) => listener())
    },
  }
}

describe('a request for what nobody has heard of', () => {
  test('goes on with the news that help', () => {
    const { hold, news, calls, clock, listeners } = bed()
    hold()
    news(false)
    news(true)
    expect(calls).toEqual(['again', 'again'])
    expect([clock.pending, listeners.size]).toEqual([0, 0])
    news(true)
    clock.advance(1_000)
    expect(calls).toHaveLength(2)
  })

  test('is late when the moment has passed', () => {
    const { hold, clock, calls, listeners } = bed()
    hold()
    clock.advance(99)
    expect(calls).toEqual([])
    clock.advance(1)
    expect(calls).toEqual(['late'])
    expect(listeners.size).toBe(0)
  })

  test('is late after some seconds where no controller tells of anything', () => {
    const { hold, clock, calls } = bed(undefined, false)
    hold()
    clock.advance(4_999)
    expect(calls).toEqual([])
    clock.advance(1)
    expect(calls).toEqual(['late'])
  })

  test('is forgotten when its client leaves', () => {
    const { hold, news, clock, calls, listeners } = bed()
    const leave = hold()
    if (leave === false) throw new Error('expected it to be held')
    leave()
    news(true)
    clock.advance(1_000)
    expect(calls).toEqual([])
    expect([clock.pending, listeners.size]).toEqual([0, 0])
  })

  test('is not held beside as many as may be, and is when one has gone', () => {
    const { hold, clock } = bed(2)
    hold()
    hold()
    expect(hold()).toBe(false)
    clock.advance(100)
    expect(hold()).not.toBe(false)
  })
})
