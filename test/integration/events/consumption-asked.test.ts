/** Functions that say how long they want to be left alone. */
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import type { Subscription } from '../../../events/subscription.ts'
import { DONE, EventBed, subscription } from '../../builders/event-bed.ts'

let bed: EventBed
beforeEach(async () => {
  bed = new EventBed()
  await bed.log.ensureTopics([{ topic: 'orders', partitions: 1 }])
})
afterEach(() => bed.stop())

const asks = (retryAfterMs: number) => ({
  ...({ kind: 'failed', failure: { class: 'http-4xx', status: 429, message: 'too many' } } as const),
  retryAfterMs,
})
const { retry } = subscription()

test.each<Subscription['ordering']>(['unordered', 'key', 'partition'])(
  '%s: a record waits as long as its function wants, in delays of its policy, and each attempt counts',
  async (ordering) => {
    bed.handle = (delivery) => (delivery.attempt === 1 ? asks(3_000) : delivery.attempt < 4 ? asks(99_000) : DONE)
    const startedMs = bed.clock.now()
    await bed.consume(subscription({ ordering, retry: { ...retry, maxAttempts: 4 } }))
    await bed.publish('k:a')
    for (let second = 0; second < 20; second++) await bed.advance(1_000)
    expect(bed.seen.map(({ attempt, atMs }) => [attempt, atMs - startedMs])).toEqual([
      [1, 0],
      [2, 4_000],
      [3, 8_000],
      [4, 12_000],
    ])
  },
)
