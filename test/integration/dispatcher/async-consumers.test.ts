import { afterEach, expect, test } from '@jest/globals'
import type { ConsumerOptions } from '../../../events/event-log.ts'
import { ASYNC_GROUP, asyncTopic, retryGroup } from '../../../events/topic-names.ts'
import { DispatcherBed } from '../../builders/dispatcher-bed.ts'
import { until } from '../../builders/eventually.ts'
import { withSeenConsumers } from '../../builders/event-bed.ts'
import { feedFunction } from '../../builders/feed.ts'

let bed: DispatcherBed
afterEach(() => bed.stop())

test('asynchronous invocations of all functions come through one consumer, also of those that are made later', async () => {
  const consumers: ConsumerOptions[] = []
  bed = await DispatcherBed.start({ through: (log) => withSeenConsumers(log, consumers) })
  const calls = async (names: readonly string[]) => {
    const keys = names.map((name) => `default/${name}` as const)
    const policy = { maxAttempts: 2, maxAgeMs: 60_000, backoff: { initialMs: 30, factor: 1, maxMs: 30 } }
    for (const key of keys) {
      bed.controller.setFunctions(feedFunction({ key, uid: `uid-${key}`, signature: 'event', async: policy }))
      await bed.pod({ function: key, id: `pod-${key}` })
    }
    await bed.send(...keys.map((key) => ({ topic: asyncTopic(key) })))
    await until(() => bed.pods.every(({ seen }) => seen.length === 1))
  }
  const first = Array.from({ length: 20 }, (_, n) => `first-${n}`)
  await calls(first)
  await calls(['later-0', 'later-1'])
  expect(bed.pods).toHaveLength(22)
  // And one of their retry tiers.
  expect(consumers.map(({ group }) => group)).toEqual([ASYNC_GROUP, retryGroup(ASYNC_GROUP)])
})
