import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { EventLogError } from '../../../events/event-log.ts'
import { textOf } from '../../../events/record-headers.ts'
import {
  DONE,
  EventBed,
  failed,
  held,
  newRecord,
  subscription,
  valueOf,
  withFailingCommits,
  withFailingSends,
} from '../../builders/event-bed.ts'

let bed: EventBed
beforeEach(() => {
  bed = new EventBed()
})
afterEach(() => bed.stop())

const values = () => bed.seen.map(({ value }) => value)
const attempts = (value: string) => bed.seen.filter((seen) => seen.value === value)
const committed = async (group = 'group') =>
  (await bed.log.committed(group)).reduce((sum, { offset }) => sum + offset, 0)

describe('unordered', () => {
  test('a record that fails is tried again from its tiers, exactly when it is due, while others pass', async () => {
    bed.handle = (delivery) => (valueOf(delivery) === 'bad' && delivery.attempt < 3 ? failed() : DONE)
    await bed.consume()
    await bed.publish('a', 'bad', 'b')
    const startedMs = bed.clock.now()
    expect(values().sort()).toEqual(['a', 'b', 'bad'])
    await bed.advance(999)
    expect(attempts('bad')).toHaveLength(1)
    await bed.advance(1)
    await bed.advance(1_999)
    expect(attempts('bad')).toHaveLength(2)
    await bed.advance(1)
    expect(attempts('bad').map(({ attempt, atMs }) => [attempt, atMs - startedMs])).toEqual([
      [1, 0],
      [2, 1_000],
      [3, 3_000],
    ])
    expect(new Set(attempts('bad').map(({ deliveryId }) => deliveryId)).size).toBe(1)
    expect(await bed.deadLetters()).toEqual([])
  })

  test('after the last attempt it is a dead letter with its original bytes, and nothing is left to do', async () => {
    bed.handle = (delivery) => (valueOf(delivery) === 'bad' ? failed('never') : DONE)
    const consumption = await bed.consume()
    await bed.publish('k:bad')
    await bed.advance(10_000, 500)
    expect(attempts('bad').map(({ attempt }) => attempt)).toEqual([1, 2, 3])
    const [letter] = await bed.read('dormouse.default.mailer.dlt')
    expect([letter?.key?.toString(), letter?.value?.toString()]).toEqual(['k', 'bad'])
    const status = await consumption.status('default/mailer')
    expect(status).toMatchObject({ lag: 0, waitingForRetry: 0, failed: { handled: 3 }, deadLetters: { handled: 1 } })
    expect(status?.recentErrors.map(({ message }) => message)).toEqual(['never', 'never', 'never'])
  })

  test('what trying again cannot mend is a dead letter at once', async () => {
    bed.handle = () => ({ kind: 'rejected', failure: { class: 'decode', message: 'not JSON' } })
    await bed.consume()
    await bed.publish('bad')
    expect(bed.seen).toHaveLength(1)
    expect(await bed.deadLetters()).toEqual(['bad decode'])
  })

  test('never more calls at once than the function can take', async () => {
    bed.capacity = 4
    const ends: (() => void)[] = []
    bed.handle = () => new Promise((resolve) => ends.push(() => resolve(DONE)))
    await bed.consume()
    await bed.publish(...Array.from({ length: 20 }, (_, n) => `${n}`))
    expect([bed.mostRunning, bed.seen.length]).toEqual([4, 4])
    for (let end = ends.shift(); end !== undefined; end = ends.shift()) {
      end()
      await bed.settle(5)
    }
    expect([bed.mostRunning, bed.seen.length]).toEqual([4, 20])
  })
})

describe('key', () => {
  const byKey = subscription({ ordering: 'key' })

  test('a failing record holds up its key and no other, and its key goes on in order', async () => {
    bed.handle = (delivery) => (valueOf(delivery) === 'a1' && delivery.attempt < 3 ? failed() : DONE)
    await bed.log.ensureTopics([{ topic: 'orders', partitions: 1 }])
    await bed.consume(byKey)
    await bed.publish('a:a1', 'a:a2', 'b:b1', 'a:a3', 'b:b2')
    expect(values().filter((value) => value.startsWith('b'))).toEqual(['b1', 'b2'])
    expect(values()).not.toContain('a2')
    await bed.advance(2_500, 500)
    expect(await committed()).toBe(0)
    await bed.advance(500)
    expect(values().filter((value) => value.startsWith('a'))).toEqual(['a1', 'a1', 'a1', 'a2', 'a3'])
    await bed.advance(1_000)
    expect(await committed()).toBe(5)
  })

  test('after a restart a record that waits has the attempts left that it had', async () => {
    bed.handle = (delivery) => (valueOf(delivery) === 'bad' ? failed() : DONE)
    const first = await bed.consume(byKey)
    await bed.publish('k:bad')
    await bed.advance(1_000)
    expect(attempts('bad').map(({ attempt }) => attempt)).toEqual([1, 2])
    await first.close()
    await bed.reopen()
    await bed.consume(byKey)
    await bed.advance(1_999)
    expect(attempts('bad').map(({ attempt }) => attempt)).toEqual([1, 2])
    await bed.advance(1)
    expect(attempts('bad').map(({ attempt }) => attempt)).toEqual([1, 2, 3])
    expect(await bed.deadLetters()).toEqual(['bad handled'])
  })

  test('10,000 different failing keys end in dead letters, in bounded memory, and none is lost', async () => {
    bed.handle = () => failed()
    const quick = { maxAttempts: 2, backoff: { initialMs: 100, factor: 1, maxMs: 100 }, maxAge: byKey.retry.maxAge }
    const engine = bed.engine({ limits: { bufferedRecords: 500 } })
    const consumption = await bed.consume({ ...byKey, retry: quick }, { engine })
    for (let n = 0; n < 10_000; n += 500) {
      await bed.log.send(Array.from({ length: 500 }, (_, at) => newRecord(`key-${n + at}:${n + at}`)))
    }
    let mostBuffered = 0
    for (let round = 0; round < 400; round++) {
      await bed.settle(20)
      mostBuffered = Math.max(mostBuffered, engine.bufferedBytes)
      if ((await consumption.status('default/mailer'))?.lag === 0) break
      await bed.advance(100)
    }
    const letters = await bed.deadLetters()
    expect(new Set(letters).size).toBe(10_000)
    expect(letters).toHaveLength(10_000)
    // Six partitions, at most 500 records and one more read of 500 in each.
    expect(mostBuffered).toBeLessThan(6 * 1_000 * 400)
  }, 60_000)
})

describe('partition', () => {
  test('one at a time; a failing record blocks its partition, then it is a dead letter', async () => {
    await bed.log.ensureTopics([{ topic: 'orders', partitions: 1 }])
    bed.handle = (delivery) => (valueOf(delivery) === 'bad' ? failed() : DONE)
    await bed.consume(subscription({ ordering: 'partition' }))
    await bed.publish('a', 'bad', 'b')
    expect(values()).toEqual(['a', 'bad'])
    await bed.advance(3_000, 500)
    expect(values()).toEqual(['a', 'bad', 'bad', 'bad', 'b'])
    expect(bed.mostRunning).toBe(1)
    expect(await bed.deadLetters()).toEqual(['bad handled'])
  })

  test('onExhausted block: it stays, is tried on, and stands in the status until it is mended', async () => {
    await bed.log.ensureTopics([{ topic: 'orders', partitions: 1 }])
    let isMended = false
    bed.handle = (delivery) => (valueOf(delivery) === 'bad' && !isMended ? failed() : DONE)
    const consumption = await bed.consume(subscription({ ordering: 'partition', onExhausted: 'block' }))
    await bed.publish('bad', 'b')
    await bed.advance(20_000, 1_000)
    expect(values()).not.toContain('b')
    expect((await consumption.status('default/mailer'))?.sources[0]?.blocked).toBe(1)
    isMended = true
    await bed.advance(60_000, 1_000)
    expect(values().slice(-2)).toEqual(['bad', 'b'])
    expect(await bed.deadLetters()).toEqual([])
  })
})

describe('back-pressure', () => {
  test('a function that is missing for ten minutes costs no record an attempt; then all are delivered', async () => {
    let isThere = false
    bed.handle = () => (isThere ? DONE : held('there is no function', 1_000))
    const consumption = await bed.consume()
    await bed.publish(...Array.from({ length: 50 }, (_, n) => `${n}`))
    await bed.advance(600_000, 1_000)
    const tried = bed.seen.length
    expect(bed.seen.every(({ attempt }) => attempt === 1)).toBe(true)
    // One probe a second, not fifty.
    expect(tried).toBeLessThan(750)
    expect((await consumption.status('default/mailer'))?.holding).toBe('there is no function')
    isThere = true
    await bed.advance(2_000, 1_000)
    expect(new Set(values()).size).toBe(50)
    expect(await consumption.status('default/mailer')).toMatchObject({ lag: 0, done: 50, failed: {} })
    expect(await bed.deadLetters()).toEqual([])
  })

  test('an invocation that waits beyond its age is a dead letter of class expired', async () => {
    bed.handle = () => held()
    const { retry } = subscription()
    await bed.consume(subscription({ retry: { ...retry, maxAge: { ms: 60_000, since: 'record' } } }))
    await bed.publish('old')
    await bed.advance(70_000, 1_000)
    expect(await bed.deadLetters()).toEqual(['old expired'])
  })

  test('a function that cannot be reached opens the circuit: few are poured into retries, one probes', async () => {
    let isUp = false
    bed.handle = () => (isUp ? DONE : failed('connection refused', 'connect'))
    bed.capacity = 10
    const consumption = await bed.consume()
    await bed.publish(...Array.from({ length: 500 }, (_, n) => `${n}`))
    await bed.advance(10_000, 100)
    // Probes that fail leave it open: that is once.
    expect(await consumption.status('default/mailer')).toMatchObject({ circuit: 'open', circuitOpened: 1 })
    expect(new Set(values()).size).toBeLessThan(60)
    isUp = true
    await bed.advance(60_000, 500)
    expect(await consumption.status('default/mailer')).toMatchObject({ circuit: 'closed', lag: 0, waitingForRetry: 0 })
    expect(new Set(values()).size).toBe(500)
  })
})

describe('faults', () => {
  test('while dead letters cannot be written the record stays, unacknowledged; then it is moved', async () => {
    let isBroken = true
    const log = withFailingSends(bed.log, ({ topic }) =>
      isBroken && topic.endsWith('.dlt') ? new EventLogError('full', 'no space') : undefined,
    )
    bed.handle = () => ({ kind: 'rejected', failure: { class: 'http-4xx', message: 'never' } })
    const consumption = await bed.consume(subscription(), { engine: bed.engine({ log }) })
    await bed.publish('bad')
    await bed.advance(60_000, 1_000)
    expect(await bed.deadLetters()).toEqual([])
    expect(await committed()).toBe(0)
    expect((await consumption.status('default/mailer'))?.publishFailures).toBeGreaterThan(1)
    isBroken = false
    await bed.advance(31_000, 1_000)
    expect(await bed.deadLetters()).toEqual(['bad http-4xx'])
    await bed.advance(1_000)
    expect(await committed()).toBe(1)
    expect(bed.seen).toHaveLength(1)
  })

  test('a retry tier that cannot be written keeps the record too', async () => {
    let isBroken = true
    const log = withFailingSends(bed.log, ({ topic }) =>
      isBroken && topic.includes('.retry.') ? new EventLogError('unavailable', 'away') : undefined,
    )
    bed.handle = (delivery) => (delivery.attempt === 1 ? failed() : DONE)
    await bed.consume(subscription(), { engine: bed.engine({ log }) })
    await bed.publish('bad')
    await bed.advance(5_000, 500)
    expect([bed.seen.length, await committed()]).toEqual([1, 0])
    isBroken = false
    await bed.advance(40_000, 500)
    expect(bed.seen.map(({ attempt }) => attempt)).toEqual([1, 2])
  })

  test('killed after the call and before the commit: it comes again with the same delivery id', async () => {
    const killed = bed.engine({ log: withFailingCommits(bed.log) })
    await bed.consume(subscription(), { engine: killed })
    await bed.publish('a')
    await bed.advance(5_000, 1_000)
    expect(bed.seen).toHaveLength(1)
    await bed.reopen()
    await bed.consume()
    expect(bed.seen).toHaveLength(2)
    expect(bed.seen[0]?.deliveryId).toBe(bed.seen[1]?.deliveryId)
  })

  test('what was done beyond the first open record is not done again after a restart', async () => {
    await bed.log.ensureTopics([{ topic: 'orders', partitions: 1 }])
    bed.handle = (delivery) => (valueOf(delivery) === 'slow' ? new Promise(() => undefined) : DONE)
    const consumption = await bed.consume()
    await bed.publish('slow', 'b', 'c')
    expect(values()).toEqual(['slow', 'b', 'c'])
    const closing = consumption.close()
    await bed.advance(5_000)
    await closing
    await bed.reopen()
    bed.handle = () => DONE
    await bed.consume()
    expect(values()).toEqual(['slow', 'b', 'c', 'slow'])
  })

  test('a partition that is taken away inside a back-off goes on where it goes, with the wait it had', async () => {
    bed.handle = (delivery) => (delivery.attempt < 3 ? failed() : DONE)
    const first = await bed.consume()
    await bed.publish('bad')
    await bed.advance(500)
    const second = await bed.consume()
    await first.close()
    await bed.settle()
    await bed.advance(499)
    expect(bed.seen).toHaveLength(1)
    await bed.advance(1)
    await bed.advance(2_000, 500)
    expect(bed.seen.map(({ attempt }) => attempt)).toEqual([1, 2, 3])
    await second.close()
  })

  test('a retry tier that is opened again with a head that is due delivers it at once', async () => {
    bed.handle = (delivery) => (delivery.attempt === 1 ? failed() : DONE)
    const first = await bed.consume()
    await bed.publish('bad')
    await first.close()
    await bed.reopen()
    bed.clock.advance(3_600_000)
    await bed.consume()
    expect(bed.seen.map(({ attempt }) => attempt)).toEqual([1, 2])
  })

  test('a clock that is set back delays a retry, and hangs nothing; one set forward loses nothing', async () => {
    bed.handle = (delivery) => (delivery.attempt < 3 ? failed() : DONE)
    await bed.consume()
    await bed.publish('bad')
    bed.clock.jump(-600_000)
    await bed.advance(590_000, 10_000)
    expect(bed.seen).toHaveLength(1)
    await bed.advance(50_000, 10_000)
    expect(bed.seen.length).toBeGreaterThanOrEqual(2)
    bed.clock.jump(3_600_000)
    await bed.advance(40_000, 1_000)
    expect(bed.seen.map(({ attempt }) => attempt)).toEqual([1, 2, 3])
  })

  test('ordering changed on a live Trigger: what waits in its tiers is still delivered', async () => {
    bed.handle = (delivery) => (delivery.attempt === 1 ? failed() : DONE)
    const before = await bed.consume()
    await bed.publish('k:bad')
    await before.close()
    await bed.consume(subscription({ ordering: 'key' }))
    await bed.advance(2_000, 500)
    expect(bed.seen.map(({ attempt }) => attempt)).toEqual([1, 2])
    expect(await bed.deadLetters()).toEqual([])
  })

  test('tiers of an earlier policy are read until they are empty', async () => {
    bed.handle = (delivery) => (delivery.attempt === 1 ? failed() : DONE)
    const before = await bed.consume()
    await bed.publish('bad')
    await before.close()
    const { retry } = subscription()
    await bed.consume(subscription({ retry: { ...retry, backoff: { initialMs: 5_000, factor: 1, maxMs: 5_000 } } }))
    await bed.advance(2_000, 500)
    expect(bed.seen.map(({ attempt }) => attempt)).toEqual([1, 2])
  })

  test('a Trigger that is deleted leaves what waited for a retry as dead letters, and no tier', async () => {
    bed.handle = (delivery) => (valueOf(delivery).startsWith('bad') ? failed('down') : DONE)
    const consumption = await bed.consume()
    await bed.publish('bad1', 'good', 'bad2')
    await consumption.close()
    await consumption.retire(subscription(), { hasSuccessor: () => false })
    expect((await bed.deadLetters()).sort()).toEqual(['bad1 handled', 'bad2 handled'])
    expect((await bed.log.describe()).filter(({ topic }) => topic.includes('.retry.'))).toEqual([])
  })

  test('of a Trigger that is deleted only what was not delivered becomes dead letters, with the attempts that were made', async () => {
    await bed.log.ensureTopics([{ topic: 'orders', partitions: 1 }])
    bed.handle = (delivery) => (valueOf(delivery) === 'bad' || delivery.attempt === 1 ? failed('down') : DONE)
    const consumption = await bed.consume()
    await bed.publish('mended')
    await bed.advance(500)
    await bed.publish('bad')
    await bed.advance(500)
    await consumption.close()
    await consumption.retire(subscription(), { hasSuccessor: () => false })
    const letters = await bed.read('dormouse.default.mailer.dlt')
    expect(letters.map(({ value }) => value?.toString())).toEqual(['bad'])
    expect(textOf(letters[0]!.headers, 'dormouse-attempt')).toBe('1')
    await consumption.retire(subscription(), { hasSuccessor: () => false })
    expect(await bed.deadLetters()).toHaveLength(1)
  })

  test('what waits for another Trigger of the name stays while its news may be on the way, and is a dead letter later', async () => {
    bed.handle = () => failed('down')
    const [gone, other] = [await bed.consume(), await bed.consume(subscription({ uid: 'other' }), { group: 'other' })]
    await bed.publish('bad')
    expect(await bed.deadLetters().catch(() => [])).toEqual([])
    await gone.close()
    await other.close()
    const end = () => gone.retire(subscription(), { hasSuccessor: () => false })
    expect(await end()).toBe(false)
    expect((await bed.log.describe()).filter(({ topic }) => topic.includes('.retry.'))).toHaveLength(1)
    await bed.advance(61_000)
    expect(await end()).toBe(true)
    expect((await bed.deadLetters()).sort()).toEqual(['bad expired', 'bad handled'])
    expect((await bed.log.describe()).filter(({ topic }) => topic.includes('.retry.'))).toEqual([])
  })

  test('a dispatcher that fails within itself holds the record; nothing is lost', async () => {
    let isBroken = true
    bed.handle = () => {
      if (isBroken) throw new Error('a mistake')
      return DONE
    }
    const consumption = await bed.consume()
    await bed.publish('a')
    await bed.advance(4_000, 1_000)
    expect((await consumption.status('default/mailer'))?.holding).toContain('a mistake')
    isBroken = false
    await bed.advance(10_000, 1_000)
    expect(await consumption.status('default/mailer')).toMatchObject({ lag: 0, done: 1 })
  })
})

describe('batches', () => {
  const batched = (part = {}, ordering: 'unordered' | 'key' | 'partition' = 'unordered') =>
    subscription({ ordering, batch: { size: 3, windowMs: 200, bisect: false, ...part } })
  const batches = () => {
    const found = new Map<number, string[]>()
    for (const { batch, value } of bed.seen) found.set(batch, [...(found.get(batch) ?? []), value])
    return [...found.values()]
  }
  beforeEach(() => bed.log.ensureTopics([{ topic: 'orders', partitions: 1 }]))

  test('go when they are full, or when their window is over', async () => {
    await bed.consume(batched())
    await bed.publish('1', '2', '3', '4')
    expect(batches()).toEqual([['1', '2', '3']])
    await bed.advance(199)
    expect(batches()).toHaveLength(1)
    await bed.advance(1)
    expect(batches()).toEqual([['1', '2', '3'], ['4']])
  })

  test('may be larger than the buffer otherwise is; what fills the buffer by its bytes waits for no window', async () => {
    const engine = bed.engine({ limits: { bufferedRecords: 10, bufferedBytes: 40_000 } })
    await bed.log.send(Array.from({ length: 100 }, (_, n) => newRecord(`${n}`)))
    await bed.consume(batched({ size: 40, windowMs: 60_000 }), { engine })
    expect(batches().map((batch) => batch.length)).toEqual([40, 40])
    await bed.advance(60_000)
    expect(values()).toHaveLength(100)
    bed.seen.length = 0
    await bed.publish(...Array.from({ length: 13 }, () => 'x'.repeat(3_000)))
    expect(values()).toHaveLength(13)
  })

  test('of which some failed: only those are tried again', async () => {
    bed.handle = (delivery) => (valueOf(delivery) === '2' && delivery.attempt === 1 ? failed() : DONE)
    await bed.consume(batched())
    await bed.publish('1', '2', '3')
    await bed.advance(2_000, 100)
    expect(values()).toEqual(['1', '2', '3', '2'])
  })

  test('that failed as a whole are halved until it is known which records do', async () => {
    let calls = 0
    const { deliverer } = bed
    const deliver = deliverer.deliver.bind(deliverer)
    deliverer.deliver = async (of, deliveries, signal) => {
      calls++
      const outcomes = await deliver(of, deliveries, signal)
      const hasBad = deliveries.some((delivery) => valueOf(delivery) === 'bad')
      return hasBad ? outcomes.map(() => failed()) : outcomes
    }
    await bed.consume(batched({ size: 4, bisect: true }))
    await bed.publish('1', '2', 'bad', '4')
    await bed.advance(10_000, 100)
    expect(await bed.deadLetters()).toEqual(['bad handled'])
    expect(attempts('bad').map(({ attempt }) => attempt)).toEqual([1, 1, 1, 2, 3])
    expect([attempts('1').length, attempts('4').length]).toEqual([2, 3])
    expect(calls).toBe(7)
  })

  test('are not halved when it is known that each failed by itself', async () => {
    bed.handle = () => ({ kind: 'failed', failure: { class: 'handled', message: 'no' }, isOwn: true })
    await bed.consume(batched({ size: 4, bisect: true }))
    await bed.publish('1', '2', '3', '4')
    await bed.advance(500, 100)
    expect(bed.seen.map(({ value, attempt }) => `${value} ${attempt}`)).toEqual(['1 1', '2 1', '3 1', '4 1'])
  })

  test('keep the order of a key: what stands behind a failed record waits with it', async () => {
    bed.handle = (delivery) => (valueOf(delivery) === 'a1' && delivery.attempt === 1 ? failed() : DONE)
    await bed.consume(batched({ windowMs: 0 }, 'key'))
    await bed.publish('a:a1', 'a:a2', 'b:b1')
    await bed.advance(1, 1)
    await bed.advance(2_000, 100)
    expect(values()).toEqual(['a1', 'a2', 'b1', 'a1', 'a2'])
  })
})
