/** Triggers that are deleted while records wait for a retry, with two dispatchers on one log. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { TriggerConsumptions } from '../../../dispatcher/triggers/trigger-consumptions.ts'
import { textOf } from '../../../events/record-headers.ts'
import { DONE, EventBed, failed, held, newRecord } from '../../builders/event-bed.ts'
import { feedSubscription } from '../../builders/feed.ts'
import { replacing } from '../../builders/replacing.ts'

const RECORDS = 200
let bed: EventBed
let dispatchers: [TriggerConsumptions, TriggerConsumptions]
beforeEach(() => {
  bed = new EventBed()
  bed.capacity = 1_000
  bed.handle = () => failed('down')
  dispatchers = [new TriggerConsumptions(bed.engine()), new TriggerConsumptions(bed.engine())]
})
afterEach(async () => {
  await Promise.all(dispatchers.map((each) => each.stop()))
  await bed.stop()
})

const retry = { maxAttempts: 5, backoff: { initialMs: 3_600_000, factor: 2, maxMs: 3_600_000 }, maxAgeMs: 86_400_000 }
const feed = (uid = 'uid-1') => feedSubscription({ trigger: 'default/on-orders', uid, retry })
const DEAD = 'dormouse.default.on-orders.dlt'

async function follow(which: 0 | 1, ...of: ReturnType<typeof feed>[]): Promise<void> {
  dispatchers[which].set(of)
  await bed.settle(200)
}
const topics = async () => (await bed.log.describe()).map(({ topic }) => topic)
const tiers = async () => (await topics()).filter((topic) => topic.includes('.retry.'))
const letters = async () => ((await topics()).includes(DEAD) ? await bed.read(DEAD) : [])
const values = async () => (await letters()).map(({ value }) => Number(value?.toString())).sort((a, b) => a - b)
const all = Array.from({ length: RECORDS }, (_, n) => n)

async function failing(partitions: number): Promise<void> {
  await bed.log.ensureTopics([{ topic: 'orders', partitions }])
  await follow(0, feed())
  await follow(1, feed())
  await bed.log.send(all.map((n) => newRecord(`${n}`)))
  await bed.settle(400)
  expect(bed.seen).toHaveLength(RECORDS)
}

describe.each([1, 4])('a Trigger that is deleted, of %d partitions', (partitions) => {
  test.each([
    ['one after the other', [0, 1]],
    ['at once', undefined],
  ] as const)('leaves each waiting record once as a dead letter, and no tier: %s', async (_, order) => {
    await failing(partitions)
    if (order === undefined) await Promise.all([follow(0), follow(1)])
    else for (const which of order) await follow(which)
    await bed.advance(5_000, 500)
    expect(await values()).toEqual(all)
    expect(await tiers()).toEqual([])
  })

  test('and made anew is followed by both, whose records wait in its tiers', async () => {
    await failing(partitions)
    await Promise.all([follow(0), follow(1)])
    await bed.advance(5_000, 500)
    bed.seen.length = 0
    await Promise.all([follow(0, feed('uid-2')), follow(1, feed('uid-2'))])
    await bed.advance(2_000, 500)
    expect(bed.seen).toHaveLength(RECORDS)
    expect(await letters()).toHaveLength(RECORDS)
    expect(await tiers()).toHaveLength(1)
  })
})

test('a dispatcher that hears late that a Trigger was made anew leaves what the new one has waiting', async () => {
  await failing(1)
  await follow(0)
  bed.handle = () => failed('down')
  bed.seen.length = 0
  const first = follow(0, feed('uid-2'))
  await follow(1, feed('uid-2'))
  await first
  await bed.advance(5_000, 500)
  expect(await values()).toEqual(all)
  expect(bed.seen).toHaveLength(RECORDS)
  await bed.advance(3_700_000, 100_000)
  expect(bed.seen.filter(({ attempt }) => attempt === 2)).toHaveLength(RECORDS)
  expect(await values()).toEqual(all)
})

test('what waited when no dispatcher ran becomes dead letters of the Trigger of the same name that is made later', async () => {
  await failing(1)
  await Promise.all(dispatchers.map((each) => each.stop()))
  bed.seen.length = 0
  dispatchers = [new TriggerConsumptions(bed.engine()), new TriggerConsumptions(bed.engine())]
  await follow(0, feed('uid-2'))
  await bed.advance(3_700_000, 100_000)
  const made = (number: number) => bed.seen.filter(({ attempt }) => attempt === number).length
  expect([made(1), made(2), bed.seen.length]).toEqual([RECORDS, RECORDS, 2 * RECORDS])
  expect(await values()).toEqual(all)
  const messages = (await letters()).map(({ headers }) => textOf(headers, 'dormouse-error-message'))
  expect(new Set(messages)).toEqual(
    new Set(['its Trigger was deleted while it waited for a retry; last (handled): down']),
  )
})

test('a Trigger that blocks on failures does not block on what waited for an earlier one', async () => {
  await failing(1)
  await Promise.all(dispatchers.map((each) => each.stop()))
  dispatchers = [new TriggerConsumptions(bed.engine()), new TriggerConsumptions(bed.engine())]
  bed.handle = () => DONE
  await follow(0, { ...feed('uid-2'), ordering: 'partition', onExhausted: 'block' })
  await bed.advance(60_000)
  for (let round = 0; round < 50 && (await values()).length < RECORDS; round++) await bed.settle()
  expect(await values()).toEqual(all)
})

test('a Trigger that goes before it has dealt with what waited for an earlier one leaves that as dead letters, too', async () => {
  await failing(1)
  await Promise.all(dispatchers.map((each) => each.stop()))
  dispatchers = [new TriggerConsumptions(bed.engine()), new TriggerConsumptions(bed.engine())]
  bed.handle = () => held('there is no function')
  await follow(0, feed('uid-2'))
  await bed.advance(70_000, 10_000)
  await follow(0)
  await bed.advance(5_000, 500)
  expect(await values()).toEqual(all)
  expect(await tiers()).toEqual([])
})

test('how far an earlier Trigger came is asked once, not for each of its records', async () => {
  let asked = 0
  const { log } = bed
  const counting = replacing(log, { committed: (...of) => (asked++, log.committed(...of)) })
  await failing(1)
  await Promise.all([follow(0, feed('uid-2')), follow(1)])
  await dispatchers[1].stop()
  dispatchers = [dispatchers[0], new TriggerConsumptions(bed.engine({ log: counting }))]
  await follow(1, feed('uid-3'))
  await bed.advance(2_000, 500)
  expect(asked).toBeLessThan(10)
})

test('a dispatcher that is told to end while it moves records ends, and says nothing of trouble', async () => {
  await failing(1)
  dispatchers[0].set([])
  await dispatchers[0].stop()
  await follow(1)
  await bed.advance(5_000, 500)
  expect(new Set(await values())).toEqual(new Set(all))
})

test('topics of a cron Trigger that was made anew meanwhile are the new one’s', async () => {
  const cron = (uid: string) => ({
    ...feed(uid),
    source: 'cron' as const,
    topics: ['dormouse.default.on-orders.ticks'],
  })
  await bed.log.ensureTopics([{ topic: 'dormouse.default.on-orders.ticks', partitions: 1 }])
  await follow(0, { ...cron('uid-1'), keepDeadLetters: false })
  await follow(0, cron('uid-2'))
  expect(await topics()).toContain('dormouse.default.on-orders.ticks')
  await follow(0)
  expect(await topics()).not.toContain('dormouse.default.on-orders.ticks')
})
