/** Retries and dead letters in one transaction with the commit of their source: counted exactly, whenever a dispatcher dies. */
import { expect, test } from '@jest/globals'
import type { LogRecord } from '../../../events/event-log.ts'
import { deadLetterTopic, retryTopic } from '../../../events/topic-names.ts'
import { EVENT_HEADER } from '../../../api/names.ts'
import { eventually } from '../../builders/eventually.ts'
import { describeOnKafka } from '../../builders/kafka-brokers.ts'
import type { DeathMoment } from '../../soak/dispatchers.ts'
import {
  fails,
  joined,
  numbered,
  readAll,
  storedInTiers,
  useDispatchers,
  type DispatchersBed,
  type Triggered,
} from './dispatchers-bed.ts'

const DELAY_MS = 200
const HOUR_MS = 3_600_000
const RETRY = { maxAttempts: 2, backoff: { initialMs: DELAY_MS, factor: 1, maxMs: DELAY_MS }, maxAgeMs: HOUR_MS }
const RECORDS = 120
const PATIENT = { withinMs: 60_000, everyMs: 200 }

const idOf = ({ headers }: LogRecord): string =>
  headers.find(([name]) => name === EVENT_HEADER.deliveryId)?.[1].toString() ?? 'none'

async function stored(bed: DispatchersBed, { feed }: Triggered) {
  const owner = { kind: 'trigger', key: feed.trigger } as const
  const [tier, letters] = await Promise.all([
    readAll(bed.log, retryTopic(owner, DELAY_MS)),
    readAll(bed.log, deadLetterTopic(owner)),
  ])
  return { retries: tier.map(idOf), letters: letters.map(idOf) }
}

const twice = (ids: readonly string[]) => ids.filter((id, index) => ids.indexOf(id) !== index)

await describeOnKafka('dispatchers that hand over', () => {
  const bed = useDispatchers({ count: 0, transactions: true })

  test.each<[DeathMoment, number][]>([
    [
      ['after-enlist', 2],
      ['after-write', 3],
      ['before-end', 4],
    ],
    [
      ['after-offsets', 3],
      ['after-end', 2],
      ['after-id', 3],
      ['after-commit', 2],
    ],
  ])(
    'have stored each retry and each dead letter once, though one after the other is killed: %j, %j, %j',
    async (...deaths) => {
      const world = await bed.trigger('handed', {
        partitions: 2,
        fn: { signature: 'http', concurrency: 10 },
        answer: (call, response) => void setTimeout(() => fails(call, response), 20),
        feed: { retry: RETRY },
      })
      await world.send(...numbered(RECORDS))
      for (const [at, nth] of deaths) expect(await bed.fleet.startToDie({ at, nth }, 60_000)).toBe(true)
      bed.fleet.start()
      await world.done(120_000)
      const { retries, letters } = await stored(bed, world)
      expect({ retriedTwice: twice(retries), deadTwice: twice(letters) }).toEqual({ retriedTwice: [], deadTwice: [] })
      expect([retries.length, letters.length]).toEqual([RECORDS, RECORDS])
      await bed.fleet.stop()
    },
  )

  test('keep the order of dead letters of a partition, each once, killed within and behind the hand-over', async () => {
    const world = await bed.trigger('ordered', {
      fn: { signature: 'http' },
      answer: fails,
      feed: { ordering: 'partition', retry: { ...RETRY, maxAttempts: 1 } },
    })
    const values = numbered(RECORDS)
    await world.send(...values.map((value) => ({ key: Buffer.from('one'), value: Buffer.from(value) })))
    for (const [at, nth] of [
      ['after-write', 10],
      ['after-end', 10],
    ] as const)
      expect(await bed.fleet.startToDie({ at, nth }, 60_000)).toBe(true)
    bed.fleet.start()
    await world.done(120_000)
    expect((await world.deadLetters()).map(({ value }) => String(value))).toEqual(values)
    await bed.fleet.stop()
  })

  test('make dead letters of what waits for a Trigger that is deleted, and follow the one that is made anew', async () => {
    const backoff = { initialMs: HOUR_MS, factor: 1, maxMs: HOUR_MS }
    const world = await bed.trigger('deleted', { answer: fails, feed: { retry: { ...RETRY, backoff } } })
    bed.fleet.start()
    await world.send(...numbered(RECORDS))
    await eventually('all of it to wait', async () => (await storedInTiers(bed.log, world)) === RECORDS, PATIENT)
    const next = { ...world.feed, uid: 'another', startFrom: 'latest' as const }
    bed.replace(world, next)
    await joined(bed, { ...world, feed: next }, 1)
    expect((await world.deadLetters()).map(({ value }) => String(value)).sort()).toEqual(numbered(RECORDS).sort())
    bed.replace({ ...world, feed: next })
    await eventually('no tier', async () => (await storedInTiers(bed.log, world)) === 0, PATIENT)
    await bed.fleet.stop()
  })

  test('store nothing twice when one of them stands still, loses its partitions and goes on', async () => {
    const world = await bed.trigger('zombie', {
      partitions: 4,
      fn: { signature: 'http', concurrency: 10 },
      answer: (call, response) => void setTimeout(() => fails(call, response), 20),
      feed: { retry: RETRY },
    })
    bed.fleet.start()
    bed.fleet.start()
    await joined(bed, world, 2)
    await world.send(...numbered(4 * RECORDS))
    await eventually('some of it', () => world.calls.length > RECORDS, { withinMs: 60_000 })
    const [zombie = 0] = bed.fleet.pids
    process.kill(zombie, 'SIGSTOP')
    try {
      await joined(bed, world, 1)
      await eventually('more of it', () => world.calls.length > 3 * RECORDS, { withinMs: 60_000 })
    } finally {
      process.kill(zombie, 'SIGCONT')
    }
    await world.done(120_000)
    const { retries, letters } = await stored(bed, world)
    expect({ retriedTwice: twice(retries), deadTwice: twice(letters) }).toEqual({ retriedTwice: [], deadTwice: [] })
    expect([retries.length, letters.length]).toEqual([4 * RECORDS, 4 * RECORDS])
  })
})
