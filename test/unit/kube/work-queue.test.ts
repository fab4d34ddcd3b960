import { describe, expect, test } from '@jest/globals'
import { WorkQueue } from '../../../kube/work-queue.ts'
import { FakeClock } from '../../fakes/fake-clock.ts'

const newQueue = (clock = new FakeClock()) => new WorkQueue({ clock, backoff: { firstMs: 10, longestMs: 100 } })

describe('a work queue', () => {
  test('hands a key out once however often it was added', async () => {
    const queue = newQueue()
    queue.add('a')
    queue.add('b')
    queue.add('a')
    expect([await queue.get(), await queue.get(), queue.length]).toEqual(['a', 'b', 0])
  })

  test('gives a key that is added to whoever waits', async () => {
    const queue = newQueue()
    const taken = Promise.all([queue.get(), queue.get()])
    queue.add('a')
    queue.add('b')
    expect(await taken).toEqual(['a', 'b'])
  })

  test('hands a key that changed while in work out again, only after done, and once', async () => {
    const queue = newQueue()
    queue.add('a')
    await queue.get()
    queue.add('a')
    queue.add('a')
    expect(queue.length).toBe(0)
    queue.done('a')
    expect(queue.length).toBe(1)
    await queue.get()
    queue.done('a')
    expect(queue.length).toBe(0)
  })

  test('done of a key that is not in work changes nothing', () => {
    const queue = newQueue()
    queue.add('a')
    queue.done('a')
    expect(queue.length).toBe(1)
  })

  test('of several delays of a key the earliest counts, and it is added once', () => {
    const clock = new FakeClock()
    const queue = newQueue(clock)
    queue.addAfter('a', 50)
    queue.addAfter('a', 20)
    queue.addAfter('a', 90)
    clock.advance(19)
    expect(queue.length).toBe(0)
    clock.advance(1)
    expect(queue.length).toBe(1)
    expect(clock.pending).toBe(0)
  })

  test.each([0, -1, Number.NaN])('a delay of %d is none', (delayMs) => {
    const queue = newQueue()
    queue.addAfter('a', delayMs)
    expect(queue.length).toBe(1)
  })

  test('waits double per failure of the key, up to the cap, and start anew after forget', async () => {
    const clock = new FakeClock()
    const queue = newQueue(clock)
    const waitMs = async () => {
      const sinceMs = clock.now()
      queue.addRateLimited('a')
      while (queue.length === 0) clock.advance(1)
      queue.done((await queue.get()) ?? '')
      return clock.now() - sinceMs
    }
    const waits: number[] = []
    for (let failure = 0; failure < 6; failure += 1) waits.push(await waitMs())
    expect(waits).toEqual([10, 20, 40, 80, 100, 100])
    expect(queue.failures('b')).toBe(0)
    queue.forget('a')
    expect(await waitMs()).toBe(10)
  })

  test('a thousand failures still wait no longer than the cap', () => {
    const clock = new FakeClock()
    const queue = newQueue(clock)
    for (let failure = 0; failure < 2000; failure += 1) queue.addRateLimited('a')
    clock.advance(100)
    expect(queue.length).toBe(1)
  })

  test('reports its length whenever it changes', async () => {
    const lengths: number[] = []
    const queue = new WorkQueue({ clock: new FakeClock(), onLength: (length) => lengths.push(length) })
    queue.add('a')
    queue.add('a')
    queue.add('b')
    await queue.get()
    expect(lengths).toEqual([1, 2, 1])
  })
})

describe('a work queue that is shut down', () => {
  test('takes nothing new, drops what is delayed, and hands out what waits', async () => {
    const clock = new FakeClock()
    const queue = newQueue(clock)
    queue.add('a')
    queue.addAfter('later', 10)
    queue.shutDown()
    queue.add('b')
    queue.addAfter('c', 10)
    queue.addRateLimited('d')
    expect(clock.pending).toBe(0)
    expect([await queue.get(), await queue.get()]).toEqual(['a', undefined])
  })

  test('releases everyone who waits', async () => {
    const queue = newQueue()
    const taken = Promise.all([queue.get(), queue.get()])
    queue.shutDown()
    expect(await taken).toEqual([undefined, undefined])
  })

  test('drains: settles once what waited, was in work or changed meanwhile is done', async () => {
    const queue = newQueue()
    queue.add('a')
    await queue.get()
    queue.add('a')
    let isDrained = false
    const drained = queue.shutDownWithDrain().then(() => (isDrained = true))
    queue.done('a')
    await Promise.resolve()
    expect(isDrained).toBe(false)
    expect(await queue.get()).toBe('a')
    queue.done('a')
    await drained
    expect(await queue.get()).toBeUndefined()
  })

  test('drains at once when nothing is to do', async () => {
    await newQueue().shutDownWithDrain()
  })
})
