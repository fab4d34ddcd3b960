/** The event machinery on a real broker, in real time. What is promised on SQLite with virtual time holds there. */
import { afterEach, describe, expect, test } from '@jest/globals'
import { setTimeout as delay } from 'node:timers/promises'
import { Consumption } from '../../../events/consumption/consumption.ts'
import { Engine, type EngineLimits } from '../../../events/consumption/engine.ts'
import { MAX_MARKS_BYTES } from '../../../events/commit-metadata.ts'
import type { DeliveryOutcome } from '../../../events/delivery.ts'
import { MAX_METADATA_BYTES, partitionName, type EventLog } from '../../../events/event-log.ts'
import { endsOf, readToEnd } from '../../../events/read-topic.ts'
import type { Subscription } from '../../../events/subscription.ts'
import { deadLetterTopic, retryGroup, retryTopic } from '../../../events/topic-names.ts'
import { monotonicClock, wallClock } from '../../../lib/clock.ts'
import { silentLogger } from '../../../lib/logger.ts'
import { DONE, failed, newRecord, subscription, valueOf, type Handle } from '../../builders/event-bed.ts'
import { eventually } from '../../builders/eventually.ts'
import { useKafkaBed } from '../../builders/kafka-bed.ts'
import { describeOnKafka } from '../../builders/kafka-brokers.ts'
import { numbers, text, unique } from '../../conformance/event-log/harness.ts'

interface Seen {
  value: string
  attempt: number
  atMs: number
  by: string
}

/** Later than due by at most so much, on a machine that does other things, too. */
const LATE_MS = 10_000

await describeOnKafka(
  'the event machinery on a real Kafka',
  () => {
    const bed = useKafkaBed()
    const consumptions: Consumption[] = []
    afterEach(async () => {
      await Promise.all(consumptions.splice(0).map((consumption) => consumption.close()))
    })

    /** A Trigger of its own topics, its function, and dispatchers that consume for it. */
    async function trigger(part: Partial<Subscription> = {}, partitions = 4) {
      const topic = await bed.topicOf(partitions)
      const of = subscription({ key: `default/${unique('mailer')}`, topics: [topic], ...part })
      const seen: Seen[] = []
      const world = {
        ...{ topic, of, seen, group: unique('group') },
        handle: (() => DONE) as Handle,
        values: () => seen.map(({ value }) => value),
        attempts: (value: string) => seen.filter((each) => each.value === value),
        publish: (...texts: string[]) => bed.log.send(texts.map((each) => newRecord(each, topic))),
        consume: async (by = 'one', options: { log?: EventLog; limits?: Partial<EngineLimits> } = {}) => {
          const engine = new Engine({
            ...{ log: bed.log, clock: monotonicClock, wall: wallClock, logger: silentLogger, ...options },
            deliverer: {
              capacity: () => 50,
              deliver: async (_subscription, deliveries) =>
                Promise.all(
                  deliveries.map(async (delivery): Promise<DeliveryOutcome> => {
                    seen.push({ value: valueOf(delivery), attempt: delivery.attempt, atMs: Date.now(), by })
                    return world.handle(delivery)
                  }),
                ),
            },
          })
          const consumption = new Consumption({ engine, group: world.group, startFrom: 'earliest' })
          consumptions.push(consumption)
          await consumption.setSubscriptions([of])
          return consumption
        },
        deadLetters: async () => {
          const listener = bed.listen({ group: unique('dlt'), topics: [deadLetterTopic(of)] })
          await bed.until(() => expect(listener.records).not.toEqual([]))
          return listener.records
        },
      }
      return world
    }

    const expectAll = (values: string[], want: string[]) => expect(new Set(values)).toEqual(new Set(want))

    describe('retries', () => {
      test('of the tiers come exactly when they are due, never early, while others pass; then the dead letter', async () => {
        const world = await trigger()
        world.handle = (delivery) => (valueOf(delivery).startsWith('bad') ? failed('never') : DONE)
        await world.consume()
        const bad = numbers(10).map((n) => `bad${n}`)
        await world.publish(...bad.map((each) => `k${each}:${each}`), ...numbers(20))
        await bed.until(() => expectAll(world.values(), [...bad, ...numbers(20)]))
        await bed.until(() => expect(world.seen).toHaveLength(50))
        for (const value of bad) {
          const [first, second, third] = world.attempts(value)
          expect(world.attempts(value).map(({ attempt }) => attempt)).toEqual([1, 2, 3])
          for (const [waited, due] of [
            [second!.atMs - first!.atMs, 1_000],
            [third!.atMs - second!.atMs, 2_000],
          ] as const) {
            expect(waited).toBeGreaterThanOrEqual(due)
            expect(waited).toBeLessThan(due * 1.1 + LATE_MS)
          }
        }
        const letters = await world.deadLetters()
        await bed.until(() => expect(letters.map(text).sort()).toEqual(bad))
        expect(letters.map(({ key }) => key?.toString()).sort()).toEqual(bad.map((each) => `k${each}`))
      })

      test('in place hold up their own key, in order, and no other', async () => {
        const world = await trigger({ ordering: 'key' }, 1)
        world.handle = (delivery) => (valueOf(delivery) === 'a1' && delivery.attempt < 3 ? failed() : DONE)
        await world.consume()
        await world.publish('a:a1', 'b:b1', 'a:a2', 'b:b2', 'a:a3')
        await bed.until(() => expect(world.values()).toContain('a3'))
        expect(world.values().filter((value) => value.startsWith('a'))).toEqual(['a1', 'a1', 'a1', 'a2', 'a3'])
        expect(world.attempts('b2')[0]!.atMs).toBeLessThan(world.attempts('a1')[1]!.atMs)
        expect(world.attempts('a1')[1]!.atMs - world.attempts('a1')[0]!.atMs).toBeGreaterThanOrEqual(1_000)
      })

      test('that are due when nobody is there come once somebody is, once', async () => {
        const backoff = { initialMs: 4_000, factor: 1, maxMs: 4_000 }
        const world = await trigger({ retry: { ...subscription().retry, backoff } })
        world.handle = (delivery) => (delivery.attempt === 1 ? failed() : DONE)
        const first = await world.consume()
        await world.publish('a')
        const tier = retryTopic(world.of, backoff.initialMs)
        const waits = async () => (await endsOf(bed.log, [tier])).size === 1
        await eventually('it waits', waits, { withinMs: 30_000, everyMs: 50 })
        await first.close()
        await delay(4_500)
        expect(world.seen).toHaveLength(1)
        await world.consume('two')
        await bed.until(() => expect(world.seen).toHaveLength(2))
        await delay(500)
        expect(world.seen.map(({ attempt, by }) => [attempt, by])).toEqual([
          [1, 'one'],
          [2, 'two'],
        ])
      })

      test('in place go on where they were with another member, neither early nor as new attempts', async () => {
        const world = await trigger({ ordering: 'key' }, 1)
        world.handle = (delivery) => (delivery.attempt < 3 ? failed() : DONE)
        const first = await world.consume()
        await world.publish('a:a1')
        await bed.until(() => expect(world.seen).toHaveLength(1))
        await world.consume('two')
        await first.close()
        await bed.until(() => expect(world.seen).toHaveLength(3))
        expect(world.seen.map(({ attempt }) => attempt)).toEqual([1, 2, 3])
        expect(world.seen[1]!.atMs - world.seen[0]!.atMs).toBeGreaterThanOrEqual(1_000)
      })
    })

    test('10,000 different failing keys end in dead letters, each tried as often as it may be, and none is lost', async () => {
      const backoff = { initialMs: 100, factor: 1, maxMs: 100 }
      const world = await trigger({ ordering: 'key', retry: { ...subscription().retry, maxAttempts: 2, backoff } })
      world.handle = () => failed('never')
      const all = numbers(10_000)
      await world.publish(...all.map((n) => `key-${n}:${n}`))
      const consumption = await world.consume('one', { limits: { bufferedRecords: 500 } })
      const status = () => consumption.status(world.of.key)
      const isOver = async () => {
        const { lag, deadLetters } = (await status())!
        return lag === 0 && deadLetters.handled! >= all.length
      }
      await eventually('all of it to be committed', isOver, { withinMs: 90_000, everyMs: 200 })
      const letters: string[] = []
      await readToEnd({
        ...{ log: bed.log, topics: [deadLetterTopic(world.of)], group: unique('read') },
        onRecords: (records) => void letters.push(...records.map(text)),
      })
      expect(letters).toHaveLength(10_000)
      expectAll(letters, all)
      const attempts = Map.groupBy(world.seen, ({ value }) => value)
      expect([...attempts.values()].filter((each) => each.map(({ attempt }) => attempt).join() !== '1,2')).toEqual([])
      expectAll([...attempts.keys()], all)
      expect(await status()).toMatchObject({
        ...{ done: 0, failed: { handled: 20_000 }, retriedAfterMs: { 100: 10_000 }, deadLetters: { handled: 10_000 } },
      })
    })

    test('a key that is stuck under load lets others be done as far as a commit can remember it, also after a restart, then all', async () => {
      const all = numbers(24_000)
      const isStuck = (value: string) => Number(value) % 2 === 0
      const world = await trigger({ ordering: 'key' }, 1)
      let release = (_: DeliveryOutcome) => {}
      const stuck = new Promise<DeliveryOutcome>((resolve) => (release = resolve))
      world.handle = (delivery) => (valueOf(delivery) === '0' ? stuck : DONE)
      await world.publish(...all.map((n) => `${isStuck(n) ? 'stuck' : n}:${n}`))
      const limits = { bufferedRecords: all.length, revokeGraceMs: 200 }
      const others = () => world.values().filter((value) => value !== '0')
      const atLimit = async () => {
        const [at] = await bed.log.committed(world.group)
        return at !== undefined && at.metadata.length > 0.6 * MAX_METADATA_BYTES && at
      }
      const stopped = async () => {
        const before = world.seen.length
        await delay(1_000)
        return (await atLimit()) && world.seen.length === before
      }
      const first = await world.consume('one', { limits })
      await eventually('it stops', stopped, { withinMs: 60_000 })
      expect(await atLimit()).toMatchObject({ offset: 0 })
      // Half of them are done, and each bit of the metadata is one of all.
      expect(others().length).toBeLessThanOrEqual((8 * MAX_MARKS_BYTES) / 2)
      expect(others().filter(isStuck)).toEqual([])
      await first.close()
      await world.consume('two', { limits })
      await bed.until(() => expect(world.attempts('0')).toHaveLength(2))
      await eventually('it stops again', stopped, { withinMs: 60_000 })
      expect(others().length).toBeLessThanOrEqual((8 * MAX_MARKS_BYTES) / 2)
      release(DONE)
      await bed.until(() => expect(world.seen).toHaveLength(all.length + 1), 60_000)
      expectAll(world.values(), all)
      const ofKey = others().filter(isStuck).map(Number)
      expect(ofKey).toEqual(ofKey.toSorted((a, b) => a - b))
      const isCommitted = async () => (await bed.log.committed(world.group))[0]?.offset === all.length
      await eventually('all of it to be committed', isCommitted, { withinMs: 30_000, everyMs: 100 })
    })

    describe('who stops', () => {
      test('leaves what is done behind what is not as done: a restart does only the rest again', async () => {
        const world = await trigger({}, 1)
        world.handle = async (delivery) => (valueOf(delivery) === '3' ? new Promise<never>(() => undefined) : DONE)
        const first = await world.consume('one', { limits: { revokeGraceMs: 200 } })
        await world.publish(...numbers(100))
        await bed.until(() => expect(world.seen).toHaveLength(100))
        await delay(100)
        await first.close()
        const [committed] = await bed.log.committed(world.group)
        expect(committed).toMatchObject({ offset: 3, metadata: expect.stringMatching(/./) })
        world.handle = () => DONE
        await world.consume('two')
        await world.publish('last')
        await bed.until(() => expect(world.values()).toContain('last'))
        expect(
          world.seen
            .filter(({ by }) => by === 'two')
            .map(({ value }) => value)
            .sort(),
        ).toEqual(['3', 'last'])
      })

      test('or comes, under load, costs no record, and nothing is done twice', async () => {
        const world = await trigger({ ordering: 'key' })
        world.handle = async () => {
          await delay(5)
          return DONE
        }
        const logs = [bed.open(), bed.open(), bed.open()]
        const all = numbers(1_500)
        const first = await world.consume('one', { log: logs[0]! })
        const publishing = (async () => {
          for (let at = 0; at < 1_500; at += 50) {
            await world.publish(...all.slice(at, at + 50).map((n) => `k${Number(n) % 40}:${n}`))
            await delay(40)
          }
        })()
        await bed.until(() => expect(world.seen.length).toBeGreaterThan(100))
        await world.consume('two', { log: logs[1]! })
        await bed.until(() => expect(world.seen.some(({ by }) => by === 'two')).toBe(true))
        await world.consume('three', { log: logs[2]! })
        await first.close()
        await publishing
        await bed.until(() => expectAll(world.values(), all), 60_000)
        expect(world.seen).toHaveLength(1_500)
        for (let key = 0; key < 40; key++) {
          const own = world
            .values()
            .map(Number)
            .filter((n) => n % 40 === key)
          expect(own).toEqual([...own].sort((a, b) => a - b))
        }
      })
    })

    describe('the broker', () => {
      test('may be killed and come back: nothing is lost, and what was acknowledged before is not done again', async () => {
        const world = await trigger()
        world.handle = (delivery) => (Number(valueOf(delivery)) % 10 === 0 && delivery.attempt === 1 ? failed() : DONE)
        await world.consume()
        await world.publish(...numbers(100))
        await bed.until(() => expectAll(world.values(), numbers(100)))
        await bed.until(() => expect(world.seen).toHaveLength(110))
        const isCommitted = async (group: string, topic: string) => {
          const ends = await endsOf(bed.log, [topic])
          const committed = await bed.log.committed(group, [topic])
          return [...ends].every(([name, end]) =>
            committed.some((at) => partitionName(at) === name && at.offset === end),
          )
        }
        const tier = retryTopic(world.of, world.of.retry.backoff.initialMs)
        const isAll = async () =>
          (await isCommitted(world.group, world.topic)) && (await isCommitted(retryGroup(world.group), tier))
        await eventually('all of it to be committed', isAll, { withinMs: 30_000, everyMs: 100 })
        const before = world.seen.length
        await bed.kafka.kill(1)
        await delay(4_000)
        await bed.kafka.start(1)
        const more = numbers(200).slice(100)
        await world.publish(...more)
        await bed.until(() => expect(world.seen).toHaveLength(before + 110), 60_000)
        expectAll(world.values(), numbers(200))
      })
    })

    describe('topics', () => {
      test('may be deleted in use: the others go on, and one made anew is read from its start', async () => {
        const other = await bed.topicOf(1)
        const world = await trigger({}, 2)
        const both = { ...world.of, topics: [world.topic, other] }
        const consumption = await world.consume()
        await consumption.setSubscriptions([both])
        await world.publish('a', 'b', 'c')
        await bed.until(() => expectAll(world.values(), ['a', 'b', 'c']))
        await bed.open().deleteTopics([world.topic])
        await bed.log.send([newRecord('still', other)])
        await bed.until(() => expect(world.values()).toContain('still'))
        // One made anew before anybody looked cannot be told from the old one: docs/kafka.md.
        const read = () => [...consumption.states].flatMap(({ workers }) => [...workers].map(({ id }) => id.topic))
        await bed.until(() => expect(read()).not.toContain(world.topic))
        await bed.log.ensureTopics([{ topic: world.topic, partitions: 1 }])
        await world.publish('new')
        await bed.until(() => expect(world.values()).toContain('new'))
        expect(world.attempts('new')).toHaveLength(1)
      })

      test('may get more partitions: what comes into them is done', async () => {
        const world = await trigger({}, 1)
        await world.consume()
        await world.publish('a')
        await bed.until(() => expect(world.values()).toEqual(['a']))
        const admin = bed.other.admin()
        await admin.connect()
        await admin.createPartitions({ topicPartitions: [{ topic: world.topic, count: 4 }] })
        await admin.disconnect()
        await bed.open().send([1, 2, 3].map((partition) => ({ ...newRecord(`p${partition}`, world.topic), partition })))
        await bed.until(() => expectAll(world.values(), ['a', 'p1', 'p2', 'p3']))
        await delay(300)
        expect(world.seen).toHaveLength(4)
      })
    })
  },
  { ours: true },
)
