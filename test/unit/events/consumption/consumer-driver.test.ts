import { expect, test } from '@jest/globals'
import { setImmediate as turn } from 'node:timers/promises'
import { subscriptionOfTrigger } from '../../../../dispatcher/triggers/subscription.ts'
import { ConsumerDriver } from '../../../../events/consumption/consumer-driver.ts'
import { Engine } from '../../../../events/consumption/engine.ts'
import { SubscriptionState } from '../../../../events/consumption/subscription-state.ts'
import {
  EventLogError,
  type CommittedOffset,
  type ConsumerOptions,
  type EventLog,
} from '../../../../events/event-log.ts'
import { silentLogger } from '../../../../lib/logger.ts'
import { logRecord } from '../../../builders/delivery.ts'
import { feedSubscription } from '../../../builders/feed.ts'
import { FakeClock } from '../../../fakes/fake-clock.ts'

test('a commit that fails after its partitions were let go is not tried again: nothing is left that would be tried for ever', async () => {
  const clock = new FakeClock()
  const joined: ConsumerOptions[] = []
  let fail: () => void = () => undefined
  const consumer = {
    commit: () =>
      new Promise<void>((_, reject) => (fail = () => reject(new EventLogError('unavailable', 'nobody answers')))),
    // The adapter waits for half the rebalance timeout, whatever the commit does.
    close: async () => undefined,
  }
  const log = { consumer: (options: ConsumerOptions) => (joined.push(options), consumer) } as unknown as EventLog
  const deliverer = { capacity: () => 1, deliver: async () => [] }
  const engine = new Engine({ log, deliverer, clock, wall: clock, logger: silentLogger })
  const driver = new ConsumerDriver({ engine, group: 'group', role: 'source', startFrom: 'earliest' })
  driver.setTopics(
    new Map([
      ['orders', new SubscriptionState(subscriptionOfTrigger(feedSubscription({ topics: ['orders'] })), engine)],
    ]),
  )
  joined[0]!.onAssigned([{ topic: 'orders', partition: 0, position: 0, metadata: '' }])
  clock.advance(engine.limits.commitIntervalMs)
  await driver.close()
  fail()
  await turn()
  expect(clock.pending).toBe(0)
})

test('one partition that is gone does not have the commits of the others refused when all are taken away', async () => {
  const clock = new FakeClock()
  const joined: ConsumerOptions[] = []
  const committed: string[] = []
  const consumer = {
    commit: async (offsets: readonly CommittedOffset[]) => {
      if (offsets.some(({ topic }) => topic === 'gone')) throw new EventLogError('not-assigned', 'gone')
      committed.push(...offsets.map(({ topic, offset }) => `${topic} ${offset}`))
    },
    close: async () => undefined,
  }
  const log = { consumer: (options: ConsumerOptions) => (joined.push(options), consumer) } as unknown as EventLog
  const deliverer = { capacity: () => 1, deliver: async () => [{ kind: 'done' as const }] }
  const engine = new Engine({ log, deliverer, clock, wall: clock, logger: silentLogger })
  const driver = new ConsumerDriver({ engine, group: 'group', role: 'source', startFrom: 'earliest' })
  const topics = ['gone', 'orders']
  const state = new SubscriptionState(subscriptionOfTrigger(feedSubscription({ topics })), engine)
  driver.setTopics(new Map(topics.map((topic) => [topic, state])))
  const [handlers] = joined
  handlers!.onAssigned(topics.map((topic) => ({ topic, partition: 0, position: 3, metadata: '' })))
  for (const topic of topics) handlers!.onRecords({ topic, partition: 0 }, [logRecord({ topic, offset: 3 })])
  for (let n = 0; n < 20; n++) await turn()
  await handlers!.onRevoked(topics.map((topic) => ({ topic, partition: 0 })))
  expect(committed).toEqual(['orders 4'])
})

test('a partition is not committed while it hands over: that brings the commit, and an older one would take it back', async () => {
  const clock = new FakeClock()
  const joined: ConsumerOptions[] = []
  const committed: (readonly CommittedOffset[])[] = []
  const handed: CommittedOffset[] = []
  const ending = Promise.withResolvers<void>()
  const consumer = {
    commit: async (offsets: readonly CommittedOffset[]) => void committed.push(offsets),
    handOver: (_records: unknown, commit: CommittedOffset) => (handed.push(commit), ending.promise),
    close: async () => undefined,
  }
  const log = {
    consumer: (options: ConsumerOptions) => (joined.push(options), consumer),
    describe: async () => [],
    ensureTopics: async () => undefined,
  } as unknown as EventLog
  const failure = { class: 'http-5xx' as const, message: 'no' }
  const deliverer = { capacity: () => 1, deliver: async () => [{ kind: 'rejected' as const, failure }] }
  const engine = new Engine({ log, deliverer, clock, wall: clock, logger: silentLogger })
  const driver = new ConsumerDriver({ engine, group: 'group', role: 'source', startFrom: 'earliest' })
  const subscription = subscriptionOfTrigger(feedSubscription({ topics: ['orders'] }))
  driver.setTopics(new Map([['orders', new SubscriptionState(subscription, engine)]]))
  expect(joined[0]?.handsOver).toBe(true)
  const id = { topic: 'orders', partition: 0 }
  joined[0]!.onAssigned([{ ...id, position: 0, metadata: '' }])
  joined[0]!.onRecords(id, [logRecord({ ...id, offset: 0 })])
  for (let n = 0; n < 10; n++) await turn()
  expect(handed).toEqual([{ ...id, offset: 1, metadata: '' }])
  clock.advance(engine.limits.commitIntervalMs)
  await turn()
  expect(committed).toEqual([])
  ending.resolve()
  await turn()
  clock.advance(engine.limits.commitIntervalMs)
  await turn()
  expect(committed).toEqual([[{ ...id, offset: 1, metadata: '' }]])
  expect(driver.stats.handOvers).toBe(1)
  await driver.close()
})
