import { afterEach, beforeEach, expect, test } from '@jest/globals'
import type { Consumption } from '../../../events/consumption/consumption.ts'
import type { DeliveryOutcome } from '../../../events/delivery.ts'
import type { EventLog } from '../../../events/event-log.ts'
import { DONE, EventBed, failed, held, newRecord, subscription, valueOf } from '../../builders/event-bed.ts'
import { replacing } from '../../builders/replacing.ts'

let bed: EventBed
beforeEach(async () => {
  bed = new EventBed()
  await bed.log.ensureTopics([{ topic: 'orders', partitions: 1 }])
})
afterEach(() => bed.stop())

const values = () => bed.seen.map(({ value }) => value)

test('ordering that changes while records come: none is lost or done twice, and from then on keys keep their order', async () => {
  bed.handle = (delivery) => (valueOf(delivery).startsWith('bad') && delivery.attempt === 1 ? failed() : DONE)
  const consumption = await bed.consume()
  await bed.publish('k:bad1', 'k:a')
  await consumption.setSubscriptions([subscription({ ordering: 'key' })])
  await bed.publish('k:bad2', 'k:b')
  await bed.advance(5_000, 500)
  // The two that failed are due at the same time, one in its tier and one in place.
  expect([values().slice(0, 3), values().slice(3, 5).sort()]).toEqual([
    ['bad1', 'a', 'bad2'],
    ['bad1', 'bad2'],
  ])
  expect(values().slice(5)).toEqual(['b'])
  await consumption.setSubscriptions([subscription()])
  await bed.publish('k:bad3', 'k:c')
  await bed.advance(5_000, 500)
  expect(values().slice(6)).toEqual(['bad3', 'c', 'bad3'])
  expect(await consumption.status('default/mailer')).toMatchObject({ lag: 0, waitingForRetry: 0 })
  expect(await bed.deadLetters()).toEqual([])
})

test('a Trigger that is given another function calls that one, and none of the first’s slots stay taken', async () => {
  let end: (outcome: DeliveryOutcome) => void = () => undefined
  bed.capacity = 1
  bed.handle = () => new Promise((resolve) => (end = resolve))
  const engine = bed.engine()
  const consumption = await bed.consume(subscription(), { engine })
  await bed.publish('a', 'b')
  expect(values()).toEqual(['a'])
  const changing = consumption.setSubscriptions([subscription({ functionKey: 'default/other' })])
  await bed.settle()
  bed.handle = () => DONE
  end(DONE)
  await changing
  await bed.settle()
  expect(values()).toEqual(['a', 'b'])
  expect([engine.scheduler.inFlight('default/mailer'), engine.scheduler.inFlight('default/other')]).toEqual([0, 0])
})

test('retries are counted by the delays of the policy that is, however often it changes', async () => {
  bed.handle = () => failed()
  const { retry } = subscription()
  const withDelay = (initialMs: number) =>
    subscription({ retry: { ...retry, maxAttempts: 2, backoff: { initialMs, factor: 1, maxMs: 60_000 } } })
  const consumption = await bed.consume(withDelay(100))
  for (const delayMs of [100, 200, 300]) {
    await consumption.setSubscriptions([withDelay(delayMs)])
    await bed.publish('a')
    await bed.advance(1_000, 100)
  }
  expect(await consumption.status('default/mailer')).toMatchObject({ retriedAfterMs: { 300: 1 }, done: 0 })
  expect(Object.keys((await consumption.status('default/mailer'))!.retriedAfterMs)).toEqual(['300'])
  expect((await consumption.status('default/mailer'))!.failed).toEqual({ handled: 6 })
})

test('a change while tiers are looked for leaves one timer for the next look, and no tier of who was left out', async () => {
  const { retry } = subscription()
  const asked: (() => void)[] = []
  let isSlow = false
  const log = replacing<EventLog>(bed.log, {
    describe: async (topics) => {
      if (topics === undefined && isSlow) await new Promise<void>((resolve) => asked.push(resolve))
      return bed.log.describe(topics)
    },
  })
  const consumption = await bed.consume(subscription({ retry: { ...retry, maxAttempts: 1 } }), {
    engine: bed.engine({ log }),
  })
  isSlow = true
  await bed.advance(60_000)
  expect(asked).toHaveLength(1)
  isSlow = false
  await bed.advance(2_000)
  await consumption.setSubscriptions([])
  await bed.log.ensureTopics([{ topic: 'dormouse.default.mailer.retry.5', partitions: 1 }])
  await bed.settle()
  const { pending } = bed.clock
  asked[0]!()
  await bed.settle()
  expect(bed.clock.pending).toBe(pending)
  await bed.log.send([newRecord('late', 'dormouse.default.mailer.retry.5')])
  await bed.settle()
  expect(values()).toEqual([])
})

test('a hundred that begin, and go on for minutes, ask for all topics a few times, together', async () => {
  let looks = 0
  const log = replacing<EventLog>(bed.log, {
    describe: (topics) => {
      if (topics === undefined) looks++
      return bed.log.describe(topics)
    },
  })
  const engine = bed.engine({ log })
  for (let n = 0; n < 100; n++)
    await bed.consume(subscription({ key: `default/t${n}` }), { engine, group: `group-${n}` })
  expect(looks).toBe(1)
  await bed.advance(180_000, 1_000)
  expect(looks).toBeLessThanOrEqual(7)
})

test('a subscription that is left out stops; when it is back it goes on where it was', async () => {
  const consumption = await bed.consume()
  await bed.publish('a')
  await consumption.setSubscriptions([])
  await bed.publish('b')
  expect(values()).toEqual(['a'])
  await consumption.setSubscriptions([subscription()])
  await bed.settle()
  expect(values()).toEqual(['a', 'b'])
})

test('one consumer reads the topics of many subscriptions, and each fails for itself', async () => {
  const of = (name: string) =>
    subscription({ key: `default/${name}`, functionKey: `default/${name}`, topics: [`topic-${name}`], kind: 'async' })
  bed.handle = ({ record }) =>
    record.topic.includes('bad') ? { kind: 'rejected', failure: { class: 'decode', message: 'no' } } : DONE
  await bed.consume(['good', 'bad', 'other'].map(of))
  const record = (topic: string) => ({ topic, key: null, value: Buffer.from(topic), headers: [] })
  await bed.log.send(['topic-good', 'topic-bad', 'topic-other'].map(record))
  await bed.settle()
  expect(values().sort()).toEqual(['topic-bad', 'topic-good', 'topic-other'])
  expect(await bed.deadLetters('dormouse.default.bad.async.dlt')).toEqual(['topic-bad decode'])
  expect(await bed.deadLetters('dormouse.default.good.async.dlt')).toEqual([])
})

test('a probe that reached a slow function does not keep the others waiting for its end', async () => {
  let isThere = false
  bed.handle = () => (isThere ? new Promise(() => undefined) : held('throttled', 1_000))
  bed.capacity = 5
  const consumption = await bed.consume()
  await bed.publish('1', '2', '3', '4', '5', '6')
  isThere = true
  bed.seen.length = 0
  await bed.advance(1_000)
  expect(bed.seen).toHaveLength(1)
  await bed.advance(9_999)
  expect(bed.seen).toHaveLength(1)
  await bed.advance(1)
  expect(bed.seen).toHaveLength(5)
  const closing = consumption.close()
  await bed.advance(5_000)
  await closing
})

test('an asynchronous invocation that waits for a retry is that of the Function of its name that is made anew', async () => {
  bed.handle = (delivery) => (delivery.attempt === 1 ? failed() : DONE)
  const topics = ['dormouse.default.mailer.async']
  const async = (uid: string) => subscription({ kind: 'async', uid, topics })
  const consumption = await bed.consume(async('uid-1'))
  await bed.log.send([newRecord('hello', topics[0])])
  await bed.settle()
  await consumption.setSubscriptions([])
  await bed.settle()
  await consumption.setSubscriptions([async('uid-2')])
  await bed.advance(2_000, 500)
  expect(bed.seen.map(({ value, attempt }) => `${value} ${attempt}`)).toEqual(['hello 1', 'hello 2'])
})

test('a Trigger that is deleted is done with when another dispatcher has deleted its tiers meanwhile', async () => {
  bed.handle = () => failed('down')
  const others: Consumption[] = []
  let isFirst = true
  const log = replacing<EventLog>(bed.log, {
    async endOffsets(topic) {
      if (isFirst) for (const other of others) expect(await other.retire(subscription(), HAS_NONE)).toBe(true)
      isFirst = false
      return bed.log.endOffsets(topic)
    },
  })
  const consumption = await bed.consume(subscription(), { engine: bed.engine({ log }) })
  await bed.publish('bad')
  await consumption.close()
  const other = await bed.consume()
  await other.close()
  others.push(other)
  expect(await consumption.retire(subscription(), HAS_NONE)).toBe(true)
  expect(isFirst).toBe(false)
  expect(await bed.deadLetters()).toEqual(['bad handled'])
})

const HAS_NONE = { hasSuccessor: () => false }
