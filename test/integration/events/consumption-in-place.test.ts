import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { DONE, EventBed, failed, newRecord, subscription, valueOf } from '../../builders/event-bed.ts'

let bed: EventBed
beforeEach(async () => {
  bed = new EventBed()
  await bed.log.ensureTopics([{ topic: 'orders', partitions: 1 }])
})
afterEach(() => bed.stop())

const values = () => bed.seen.map(({ value }) => value)
const byKey = subscription({ ordering: 'key' })

test('a key that waits in place waits on where its partition goes: not shorter, not for ever, and in order', async () => {
  bed.handle = (delivery) => (valueOf(delivery) === 'a1' && delivery.attempt < 3 ? failed() : DONE)
  const startedMs = bed.clock.now()
  const first = await bed.consume(byKey)
  await bed.publish('a:a1', 'a:a2', 'b:b1')
  await bed.advance(500)
  const second = await bed.consume(byKey)
  await first.close()
  await bed.settle()
  await bed.advance(499)
  expect(values()).toEqual(['a1', 'b1'])
  await bed.advance(1)
  await bed.advance(1_999)
  expect(values()).toEqual(['a1', 'b1', 'a1'])
  await bed.advance(1)
  expect(values()).toEqual(['a1', 'b1', 'a1', 'a1', 'a2'])
  expect(bed.seen.filter(({ value }) => value === 'a1').map(({ atMs }) => atMs - startedMs)).toEqual([0, 1_000, 3_000])
  expect(new Set(bed.seen.filter(({ value }) => value === 'a1').map(({ deliveryId }) => deliveryId)).size).toBe(1)
  await second.close()
})

test('a wait in place that began before the clock was set back is over after its delay all the same', async () => {
  bed.handle = (delivery) => (delivery.attempt === 1 ? failed() : DONE)
  const first = await bed.consume(byKey)
  await bed.publish('a:a1')
  await first.close()
  await bed.reopen()
  bed.clock.jump(-10 * 3_600_000)
  await bed.consume(byKey)
  await bed.advance(1_000)
  expect(bed.seen.map(({ attempt }) => attempt)).toEqual([1, 2])
})

test('at most 120 of a partition wait in place; those behind are not begun, so that a restart forgets no attempt', async () => {
  bed.handle = () => failed()
  const consumption = await bed.consume({ ...byKey, retry: { ...byKey.retry, maxAttempts: 2 } })
  await bed.log.send(Array.from({ length: 300 }, (_, n) => newRecord(`key-${n}:${n}`)))
  await bed.settle()
  expect(bed.seen).toHaveLength(120)
  await bed.advance(250)
  expect((await consumption.status('default/mailer'))?.sources).toMatchObject([
    { lag: 300, waitingInPlace: 120, running: 0, isPaused: false, oldestDueAgeMs: 250 },
  ])
  await consumption.close()
  await bed.reopen()
  bed.seen.length = 0
  await bed.consume({ ...byKey, retry: { ...byKey.retry, maxAttempts: 2 } })
  await bed.advance(749)
  expect(bed.seen).toHaveLength(0)
  await bed.advance(1)
  const again = bed.seen.filter(({ attempt }) => attempt === 2)
  expect(again).toHaveLength(120)
  await bed.advance(4_000, 500)
  expect(await bed.deadLetters()).toHaveLength(300)
  expect(bed.seen).toHaveLength(120 + 2 * 180)
})

test('in batches, too, at most 120 wait in place', async () => {
  bed.handle = () => failed()
  const retry = { ...byKey.retry, maxAttempts: 2 }
  await bed.consume({ ...byKey, retry, batch: { size: 50, windowMs: 0, bisect: false } })
  await bed.log.send(Array.from({ length: 300 }, (_, n) => newRecord(`key-${n}:${n}`)))
  await bed.settle()
  expect(bed.seen).toHaveLength(120)
  await bed.advance(6_000, 500)
  expect(await bed.deadLetters()).toHaveLength(300)
  expect(bed.seen).toHaveLength(600)
})

test('what is done beyond the mark is not done again when the records before it have expired meanwhile', async () => {
  await bed.log.deleteTopics(['orders'])
  await bed.log.ensureTopics([{ topic: 'orders', partitions: 1, retentionMs: 3_600_000 }])
  const slow = { ...byKey.retry, backoff: { initialMs: 7_200_000, factor: 1, maxMs: 7_200_000 } }
  bed.handle = (delivery) => (['a1', 'b1'].includes(valueOf(delivery)) ? failed() : DONE)
  const first = await bed.consume({ ...byKey, retry: slow })
  await bed.publish('a:a1', 'x:x1')
  await bed.advance(3_500_000)
  await bed.publish('b:b1', 'c:c1', 'd:d1')
  await bed.advance(200_000)
  await first.close()
  await bed.log.retention.run()
  expect((await bed.log.endOffsets('orders'))[0]).toMatchObject({ begin: 2, end: 5 })
  bed.seen.length = 0
  bed.handle = () => DONE
  await bed.consume({ ...byKey, retry: slow })
  await bed.publish('e:e1')
  await bed.advance(7_200_000)
  expect(bed.seen.map(({ value, attempt }) => `${value} ${attempt}`).sort()).toEqual(['b1 2', 'e1 1'])
})

test('a partition with one key that waits long still passes thousands of others, and remembers which', async () => {
  const slow = { ...byKey.retry, backoff: { initialMs: 3_600_000, factor: 1, maxMs: 3_600_000 } }
  bed.handle = (delivery) => (valueOf(delivery) === 'bad' && delivery.attempt === 1 ? failed() : DONE)
  const first = await bed.consume({ ...byKey, retry: slow })
  await bed.publish('bad:bad')
  for (let n = 0; n < 12_000; n += 1_000)
    await bed.log.send(Array.from({ length: 1_000 }, (_, at) => newRecord(`k${(n + at) % 50}:${n + at}`)))
  for (let round = 0; round < 100 && bed.seen.length < 12_001; round++) await bed.settle()
  expect(bed.seen).toHaveLength(12_001)
  await first.close()
  await bed.reopen()
  await bed.consume({ ...byKey, retry: slow })
  await bed.advance(3_600_000)
  expect(values().slice(12_001)).toEqual(['bad'])
})
