import { afterEach, beforeEach, expect, test } from '@jest/globals'
import type { NewRecord } from '../../../events/event-log.ts'
import { DONE, EventBed, failed, subscription, valueOf } from '../../builders/event-bed.ts'

let bed: EventBed
beforeEach(() => {
  bed = new EventBed()
})
afterEach(() => bed.stop())

const KIB = 1024
const large = (n: number): NewRecord => ({
  topic: 'orders',
  key: Buffer.from(`${n}`),
  value: Buffer.alloc(64 * KIB, n),
  headers: [],
})

test('what is buffered of all partitions together is bounded, and everything is handled in the end', async () => {
  const limits = { totalBufferedBytes: 4 * 1024 * KIB, bufferedBytes: 64 * 1024 * KIB }
  await bed.log.ensureTopics([{ topic: 'orders', partitions: 6 }])
  for (let n = 0; n < 600; n += 50) await bed.log.send(Array.from({ length: 50 }, (_, at) => large(n + at)))
  const engine = bed.engine({ limits })
  let most = 0
  const ends: (() => void)[] = []
  bed.capacity = 3
  bed.handle = () => new Promise((resolve) => ends.push(() => resolve(DONE)))
  const consumption = await bed.consume(subscription(), { engine })
  for (let end = ends.shift(); end !== undefined; end = ends.shift()) {
    end()
    await bed.settle(4)
    most = Math.max(most, engine.bufferedBytes)
  }
  expect(new Set(bed.seen.map(({ deliveryId }) => deliveryId)).size).toBe(600)
  // The bound, and of each partition one read of 1 MiB that was under way.
  expect(most).toBeLessThan(limits.totalBufferedBytes + 6 * 1024 * KIB)
  expect(engine.bufferedBytes).toBe(0)
  expect((await consumption.status('default/mailer'))?.lag).toBe(0)
})

test('a partition that is taken away gives its share of the buffers back', async () => {
  const engine = bed.engine()
  bed.handle = () => new Promise(() => undefined)
  const consumption = await bed.consume(subscription(), { engine })
  await bed.publish(...Array.from({ length: 50 }, (_, n) => `${n}`))
  expect(engine.bufferedBytes).toBeGreaterThan(0)
  const closing = consumption.close()
  await bed.advance(5_000)
  await closing
  expect([engine.bufferedBytes, bed.clock.pending]).toEqual([0, expect.any(Number)])
})

test('a partition that was paused because all were full goes on when others make room, though nothing of its own ends', async () => {
  const limits = { totalBufferedBytes: 600 * KIB, bufferedBytes: 64 * 1024 * KIB }
  const engine = bed.engine({ limits })
  for (const topic of ['orders', 'others']) await bed.log.ensureTopics([{ topic, partitions: 1 }])
  const ends: (() => void)[] = []
  bed.handle = (delivery) => {
    if (valueOf(delivery) === 'k1') return failed('blocked')
    if (delivery.record.topic === 'orders') return DONE
    return new Promise((resolve) => ends.push(() => resolve(DONE)))
  }
  const blocking = {
    ordering: 'key',
    onExhausted: 'block',
    retry: { ...subscription().retry, maxAttempts: 1 },
  } as const
  await bed.consume(subscription(blocking), { engine })
  await bed.consume(subscription({ key: 'default/other', topics: ['others'] }), { engine, group: 'other' })
  await bed.publish('k1:k1')
  await bed.log.send(Array.from({ length: 10 }, (_, n) => ({ ...large(n), topic: 'others' })))
  await bed.settle()
  await bed.publish('k2:k2')
  await bed.publish('k3:k3')
  for (let end = ends.shift(); end !== undefined; end = ends.shift()) {
    end()
    await bed.settle(4)
  }
  await bed.publish('k4:k4')
  await bed.settle()
  expect(bed.seen.map(({ value }) => value)).toEqual(expect.arrayContaining(['k1', 'k2', 'k3', 'k4']))
})
