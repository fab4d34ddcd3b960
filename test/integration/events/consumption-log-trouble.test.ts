/** What operators are told when it is the log that makes trouble. */
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import type { ConsumerOptions } from '../../../events/event-log.ts'
import { EventBed, subscription, withFailingCommits, withSeenConsumers } from '../../builders/event-bed.ts'

let bed: EventBed
beforeEach(() => {
  bed = new EventBed()
})
afterEach(() => bed.stop())

const status = async (consumption: Awaited<ReturnType<EventBed['consume']>>) =>
  (await consumption.status(subscription().key))!

test('commits are counted, and how long they take', async () => {
  const consumption = await bed.consume()
  await bed.publish('a')
  await bed.advance(1_000)
  await bed.publish('b')
  await bed.advance(1_000)
  const { commits } = await status(consumption)
  expect(commits).toEqual({ done: 2, failed: 0, meanMs: 0, lastMs: 0 })
})

test('commits that fail are counted as such, and tell no duration', async () => {
  const consumption = await bed.consume(subscription(), { engine: bed.engine({ log: withFailingCommits(bed.log) }) })
  await bed.publish('a')
  await bed.advance(3_000, 1_000)
  expect((await status(consumption)).commits).toEqual({ done: 0, failed: 3 })
})

test('errors of the log that a consumer goes on after are counted, and the last is told', async () => {
  const asked: ConsumerOptions[] = []
  const log = withSeenConsumers(bed.log, asked)
  const consumption = await bed.consume(subscription(), { engine: bed.engine({ log }) })
  expect((await status(consumption)).logErrors).toEqual({ count: 0 })
  asked[0]?.onError?.(new Error('no broker'))
  await bed.advance(10)
  asked[1]?.onError?.(new Error('no coordinator'))
  const last = { atMs: bed.clock.now(), message: 'no coordinator' }
  expect((await status(consumption)).logErrors).toEqual({ count: 2, last })
})
