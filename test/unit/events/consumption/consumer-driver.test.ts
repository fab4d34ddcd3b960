import { expect, test } from '@jest/globals'
import { setImmediate as turn } from 'node:timers/promises'
import { subscriptionOfTrigger } from '../../../../dispatcher/triggers/subscription.ts'
import { ConsumerDriver } from '../../../../events/consumption/consumer-driver.ts'
import { Engine } from '../../../../events/consumption/engine.ts'
import { SubscriptionState } from '../../../../events/consumption/subscription-state.ts'
import { EventLogError, type ConsumerOptions, type EventLog } from '../../../../events/event-log.ts'
import { silentLogger } from '../../../../lib/logger.ts'
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
